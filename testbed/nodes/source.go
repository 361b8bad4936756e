package main

import (
	"context"
	"fmt"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kind is a kind of object that gives containers content.
type kind string

const (
	secretKind    kind = "Secret"
	configMapKind kind = "ConfigMap"
)

// notFound is what a kubelet says of one that a container requires.
func (k kind) notFound(name string) string {
	if k == configMapKind {
		return fmt.Sprintf("configmap %q not found", name)
	}
	return fmt.Sprintf("secret %q not found", name)
}

// keyed is how a kubelet calls a key of one in an error of a volume.
func (k kind) keyed() string {
	if k == configMapKind {
		return "config"
	}
	return "secret"
}

// source is the content of one version of a Secret or ConfigMap.
type source struct {
	kind            kind
	namespace, name string
	resourceVersion string
	data            map[string][]byte
}

func ofSecret(s *v1.Secret) *source {
	return &source{secretKind, s.Namespace, s.Name, s.ResourceVersion, s.Data}
}

// ofConfigMap has data and binaryData as one space of keys, as containers see it.
func ofConfigMap(c *v1.ConfigMap) *source {
	data := map[string][]byte{}
	for key, text := range c.Data {
		data[key] = []byte(text)
	}
	for key, bytes := range c.BinaryData {
		data[key] = bytes
	}
	return &source{configMapKind, c.Namespace, c.Name, c.ResourceVersion, data}
}

// sourceReader reads a source from the API server, never from a cache: at the
// start of a container a kubelet, too, asks for what is there now.
type sourceReader interface {
	source(ctx context.Context, of kind, namespace, name string) (*source, error)
}

// source reads a Secret or ConfigMap from the API server.
func (a *agent) source(ctx context.Context, of kind, namespace, name string) (*source, error) {
	if of == configMapKind {
		c, err := a.core.ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return ofConfigMap(c), nil
	}
	s, err := a.core.Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return ofSecret(s), nil
}
