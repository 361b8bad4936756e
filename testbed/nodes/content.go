package main

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// content is what one instance of a container was given at its creation.
type content struct {
	resolvedAt time.Time
	env        map[string]string
	files      map[string]string // by mount path; subPath mounts of Secrets only
}

// has says whether any of the values is exactly this one.
func (c *content) has(value string) bool {
	for _, held := range []map[string]string{c.env, c.files} {
		for _, v := range held {
			if v == value {
				return true
			}
		}
	}
	return false
}

// secretReader reads a Secret from the API server, never from a cache: at the
// start of a container a kubelet, too, asks for what is there now.
type secretReader interface {
	secret(ctx context.Context, namespace, name string) (*v1.Secret, error)
}

// resolve gives a container its content, or the reason why it must wait.
func resolve(ctx context.Context, secrets secretReader, pod *v1.Pod, podIP string, c *v1.Container, volumes podVolumes) (*content, error) {
	held := &content{resolvedAt: time.Now(), env: map[string]string{}, files: map[string]string{}}
	read := map[string]*v1.Secret{} // each once, so that one start sees one version
	get := func(name string, optional *bool) (*v1.Secret, error) {
		if s, known := read[name]; known {
			return s, nil
		}
		s, err := secrets.secret(ctx, pod.Namespace, name)
		switch {
		case apierrors.IsNotFound(err) && isTrue(optional):
			return nil, nil
		case apierrors.IsNotFound(err):
			return nil, &waiting{"CreateContainerConfigError", fmt.Sprintf("secret %q not found", name)}
		case err != nil:
			return nil, err
		}
		read[name] = s
		return s, nil
	}

	for _, from := range c.EnvFrom {
		if from.SecretRef == nil {
			continue
		}
		s, err := get(from.SecretRef.Name, from.SecretRef.Optional)
		if err != nil {
			return nil, err
		}
		if s == nil {
			continue
		}
		for key, value := range s.Data {
			held.env[from.Prefix+key] = string(value)
		}
	}
	for _, env := range c.Env {
		switch from := env.ValueFrom; {
		case from == nil:
			held.env[env.Name] = expand(env.Value, held.env)
		case from.SecretKeyRef != nil:
			ref := from.SecretKeyRef
			s, err := get(ref.Name, ref.Optional)
			if err != nil {
				return nil, err
			}
			if s == nil {
				continue
			}
			value, found := s.Data[ref.Key]
			if !found && isTrue(ref.Optional) {
				continue
			}
			if !found {
				return nil, &waiting{"CreateContainerConfigError",
					fmt.Sprintf("couldn't find key %s in Secret %s/%s", ref.Key, pod.Namespace, ref.Name)}
			}
			held.env[env.Name] = string(value)
		case from.FieldRef != nil:
			held.env[env.Name] = field(pod, podIP, from.FieldRef.FieldPath)
		}
	}

	for _, mount := range c.VolumeMounts {
		files, ours := volumes[mount.Name]
		if !ours || (mount.SubPath == "" && mount.SubPathExpr == "") {
			continue
		}
		sub := mount.SubPath
		if mount.SubPathExpr != "" {
			sub = expand(mount.SubPathExpr, held.env)
		}
		// A folder as subPath binds every file below it.
		for name, value := range files.content() {
			if name == sub {
				held.files[mount.MountPath] = value
			} else if below, ok := strings.CutPrefix(name, sub+"/"); ok {
				held.files[path.Join(mount.MountPath, below)] = value
			}
		}
	}
	return held, nil
}

// field reads the few pod fields that manifests of a test use.
func field(pod *v1.Pod, podIP, fieldPath string) string {
	switch fieldPath {
	case "metadata.name":
		return pod.Name
	case "metadata.namespace":
		return pod.Namespace
	case "metadata.uid":
		return string(pod.UID)
	case "spec.nodeName":
		return pod.Spec.NodeName
	case "status.podIP":
		return podIP
	}
	return ""
}

// expand replaces $(NAME) by the variable's value. An unknown name stays as it
// is, and $$ stands for one $.
func expand(text string, env map[string]string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '$' || i+1 == len(text) {
			out.WriteByte(text[i])
			continue
		}
		switch text[i+1] {
		case '$':
			out.WriteByte('$')
			i++
		case '(':
			end := strings.IndexByte(text[i:], ')')
			if end < 0 {
				out.WriteByte('$')
				continue
			}
			if value, known := env[text[i+2:i+end]]; known {
				out.WriteString(value)
			} else {
				out.WriteString(text[i : i+end+1])
			}
			i += end
		default:
			out.WriteByte('$')
		}
	}
	return out.String()
}

func isTrue(b *bool) bool { return b != nil && *b }
