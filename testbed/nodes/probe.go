package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"os/exec"
	"strconv"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// verdict is what a probe has found so far. A result counts when it has come
// as often in a row as the threshold asks.
type verdict struct {
	probe *v1.Probe
	holds bool
	last  bool
	run   int32
}

// newVerdict starts as a kubelet does: alive, but neither ready nor started.
func newVerdict(probe *v1.Probe, holds bool) *verdict {
	return &verdict{probe: probe, holds: holds}
}

// count takes in one result, and says whether the verdict changed.
func (v *verdict) count(success bool) bool {
	if success != v.last {
		v.last, v.run = success, 0
	}
	v.run++
	threshold := v.probe.FailureThreshold
	if success {
		threshold = v.probe.SuccessThreshold
	}
	if v.run < threshold || v.holds == success {
		return false
	}
	v.holds = success
	return true
}

// probeUntilDone probes again and again until the context ends, and calls result each time.
func probeUntilDone(ctx context.Context, probe *v1.Probe, attempt func(context.Context) error, result func(error)) {
	next := time.NewTimer(time.Duration(probe.InitialDelaySeconds) * time.Second)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		next.Reset(time.Duration(probe.PeriodSeconds) * time.Second)
		bounded, cancel := context.WithTimeout(ctx, time.Duration(probe.TimeoutSeconds)*time.Second)
		err := attempt(bounded)
		cancel()
		if ctx.Err() == nil {
			result(err)
		}
	}
}

// attemptOf makes the attempt that a probe describes, or says why it cannot be made here.
func attemptOf(probe *v1.Probe, c *v1.Container, ip string, command func(context.Context, []string) *exec.Cmd) (func(context.Context) error, error) {
	switch {
	case probe.Exec != nil:
		return func(ctx context.Context) error { return command(ctx, probe.Exec.Command).Run() }, nil
	case probe.HTTPGet != nil:
		return httpAttempt(probe.HTTPGet, c, ip)
	case probe.TCPSocket != nil:
		port, err := portOf(probe.TCPSocket.Port, c)
		address := net.JoinHostPort(orElse(probe.TCPSocket.Host, ip), port)
		return func(ctx context.Context) error {
			connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
			if err != nil {
				return err
			}
			return connection.Close()
		}, err
	}
	return nil, fmt.Errorf("expected a probe of kind exec, httpGet or tcpSocket in container %s", c.Name)
}

// prober keeps no connection, so that each probe asks the process that listens now.
var prober = http.Client{
	Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
	// A kubelet takes a redirect for a success too.
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func httpAttempt(get *v1.HTTPGetAction, c *v1.Container, ip string) (func(context.Context) error, error) {
	port, err := portOf(get.Port, c)
	if err != nil {
		return nil, err
	}
	scheme := "http"
	if get.Scheme == v1.URISchemeHTTPS {
		scheme = "https"
	}
	url := fmt.Sprintf("%s://%s%s", scheme, net.JoinHostPort(orElse(get.Host, ip), port), get.Path)
	return func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		request.Header.Set("User-Agent", "kube-probe/test")
		for _, h := range get.HTTPHeaders {
			request.Header.Add(h.Name, h.Value)
		}
		response, err := prober.Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if response.StatusCode < 200 || response.StatusCode >= 400 {
			return fmt.Errorf("HTTP probe failed with statuscode: %d", response.StatusCode)
		}
		return nil
	}, nil
}

// portOf is a port by number, or by the name that the container gives it.
func portOf(port intstr.IntOrString, c *v1.Container) (string, error) {
	if port.Type == intstr.Int {
		return strconv.Itoa(port.IntValue()), nil
	}
	for _, p := range c.Ports {
		if p.Name == port.StrVal {
			return strconv.Itoa(int(p.ContainerPort)), nil
		}
	}
	if _, err := strconv.Atoi(port.StrVal); err == nil {
		return port.StrVal, nil
	}
	return "", fmt.Errorf("expected a port of container %s named %q, found none", c.Name, port.StrVal)
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
