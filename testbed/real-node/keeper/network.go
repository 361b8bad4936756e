package main

import (
	"fmt"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// nodeAddress is that of the node in its own network, where there is nobody
// else but its pods. A kubelet refuses one of 127.0.0.0/8.
const nodeAddress = "10.88.0.1"

// network gives the node's namespace a name, the loopback device, and an address on it.
func (n node) network() error {
	if err := unix.Sethostname([]byte(n.name)); err != nil {
		return fmt.Errorf("naming the node: %w", err)
	}
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	set := func(device string, request uint, fill func(*unix.Ifreq) error) error {
		r, err := unix.NewIfreq(device)
		if err != nil {
			return err
		}
		if err := fill(r); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(socket, request, r); err != nil {
			return fmt.Errorf("setting up %s: %w", device, err)
		}
		return nil
	}
	address := func(ip string) func(*unix.Ifreq) error {
		return func(r *unix.Ifreq) error { return r.SetInet4Addr(net.ParseIP(ip).To4()) }
	}
	up := func(r *unix.Ifreq) error { r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING); return nil }
	if err := set("lo", unix.SIOCSIFFLAGS, up); err != nil {
		return err
	}
	if err := set("lo:1", unix.SIOCSIFADDR, address(nodeAddress)); err != nil {
		return err
	}
	return set("lo:1", unix.SIOCSIFNETMASK, address("255.255.255.255"))
}

// forward accepts connections at one address and joins each to one of another.
// A socket in the file system is the way from one network namespace to the next.
func forward(network, address, toNetwork, toAddress string) (net.Listener, error) {
	listener, err := net.Listen(network, address)
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return // it was closed
			}
			go join(from, toNetwork, toAddress)
		}
	}()
	return listener, nil
}

func join(from net.Conn, network, address string) {
	defer from.Close()
	to, err := net.Dial(network, address)
	if err != nil {
		fmt.Fprintln(os.Stderr, err) // the other side sees its connection closed
		return
	}
	defer to.Close()
	done := make(chan struct{}, 2)
	for _, way := range [][2]net.Conn{{from, to}, {to, from}} {
		go func() {
			_, _ = io.Copy(way[0], way[1])
			done <- struct{}{}
		}()
	}
	<-done // either end closes both
}
