package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
)

// processes is a runtime of local processes: it runs what `command` says with
// the container's environment and nothing else of this process's. There are
// no images, namespaces or mounts: a process listens on its pod's address,
// and finds its volumes below $CONTAINER_SANDBOX_MOUNT_POINT, the name that
// Windows has for the same lack.
type processes struct {
	dir        string // of pods, their volumes and logs
	undertaker *undertaker
}

func (r *processes) create(now time.Time, l launch) (instance, error) {
	if len(l.container.Command) == 0 {
		return nil, &waiting{"CreateContainerError", "no command specified: a process has no image that could give one"}
	}
	if err := supported(l.pod, l.container); err != nil {
		return nil, &waiting{"CreateContainerConfigError", err.Error()}
	}
	root, err := r.sandbox(l)
	if err != nil {
		return nil, err
	}
	log, err := r.log(l)
	if err != nil {
		return nil, err
	}
	defer log.Close()

	command := func(ctx context.Context, words []string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, words[0], words[1:]...)
		cmd.Dir, cmd.Env = l.container.WorkingDir, environment(l, root)
		// A session of its own, and so a process group: its end is that of all it started, as in a
		// PID namespace, and Linux gives it a share of the processors of its own, as to a cgroup.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
		return cmd
	}
	p := newProcess(now, l)
	if err := p.watch(l, command); err != nil {
		return nil, &waiting{"CreateContainerConfigError", err.Error()}
	}
	cmd := command(context.Background(), expandAll(append(append([]string{}, l.container.Command...), l.container.Args...), l.holds.env))
	cmd.Stdout, cmd.Stderr = log, log
	if err := r.undertaker.start(cmd); err != nil {
		fmt.Fprintf(log, "failed to start: %v\n", err)
		p.failedToStart()
		return p, nil
	}
	p.begin(cmd, r.undertaker)
	return p, nil
}

// supported says what of a container no local process can be given.
func supported(pod *v1.Pod, c *v1.Container) error {
	if c.Lifecycle != nil {
		return fmt.Errorf("expected no lifecycle hooks in container %s: processes are not given any", c.Name)
	}
	for _, mount := range c.VolumeMounts {
		for _, v := range pod.Spec.Volumes {
			if v.Name == mount.Name && v.Secret == nil && v.ConfigMap == nil && v.Projected == nil && v.EmptyDir == nil {
				return fmt.Errorf("expected volume %s to be of kind secret, configMap, projected or emptyDir: processes are given no other", v.Name)
			}
		}
	}
	return nil
}

// environment is that of the container, and what an image or a container runtime would add.
func environment(l launch, root string) []string {
	env := map[string]string{
		"PATH":                          os.Getenv("PATH"),
		"HOME":                          "/", // of a user that no image knows
		"HOSTNAME":                      l.pod.Name,
		"CONTAINER_SANDBOX_MOUNT_POINT": root,
	}
	for name, value := range l.holds.env {
		env[name] = value
	}
	var list []string
	for name, value := range env {
		list = append(list, name+"="+value)
	}
	return list
}

func expandAll(words []string, env map[string]string) []string {
	expanded := make([]string, len(words))
	for i, word := range words {
		expanded[i] = expand(word, env)
	}
	return expanded
}

// log opens the file that takes the container's output, run after run.
func (r *processes) log(l launch) (*os.File, error) {
	dir := filepath.Join(r.dir, "logs")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	name := fmt.Sprintf("%s_%s_%s.log", l.pod.Namespace, l.pod.Name, l.container.Name)
	return os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
}

// killGroup ends a process and all that it started.
func killGroup(pid int) error {
	if err := syscall.Kill(-pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}
