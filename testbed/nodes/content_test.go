package main

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// shelf is a sourceReader over sources by kind and name.
type shelf map[string]*source

func (s shelf) source(_ context.Context, of kind, _, name string) (*source, error) {
	if found, ok := s[string(of)+"/"+name]; ok {
		return found, nil
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Resource: string(of)}, name)
}

func secret(name, version string, data map[string]string) *source {
	s := &v1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, ResourceVersion: version}, Data: map[string][]byte{}}
	for key, value := range data {
		s.Data[key] = []byte(value)
	}
	return ofSecret(s)
}

func configMap(name, version string, data map[string]string, binary map[string][]byte) *source {
	return ofConfigMap(&v1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, ResourceVersion: version},
		Data:       data,
		BinaryData: binary,
	})
}

func envOf(name, secret, key string, optional bool) v1.EnvVar {
	return v1.EnvVar{Name: name, ValueFrom: &v1.EnvVarSource{SecretKeyRef: &v1.SecretKeySelector{
		LocalObjectReference: v1.LocalObjectReference{Name: secret}, Key: key, Optional: &optional,
	}}}
}

func envFrom(secret string, prefix string, optional bool) v1.EnvFromSource {
	return v1.EnvFromSource{Prefix: prefix, SecretRef: &v1.SecretEnvSource{
		LocalObjectReference: v1.LocalObjectReference{Name: secret}, Optional: &optional,
	}}
}

func TestEnvironmentComesFromWhatTheSecretsHoldNow(t *testing.T) {
	secrets := shelf{"Secret/db": secret("db", "1", map[string]string{"user": "app", "password": "p1"})}
	c := &v1.Container{
		EnvFrom: []v1.EnvFromSource{envFrom("db", "DB_", false), envFrom("absent", "", true)},
		Env: []v1.EnvVar{
			envOf("PASSWORD", "db", "password", false),
			envOf("TOKEN", "db", "token", true),
			envOf("OTHER", "absent", "key", true),
			{Name: "DB_user", Value: "overridden"},
			{Name: "URL", Value: "$(DB_user):$(PASSWORD)@$(UNKNOWN) $$(PASSWORD) 5$"},
		},
	}
	held, err := resolve(t.Context(), secrets, pod(nil), "", c, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"DB_user": "overridden", "DB_password": "p1", "PASSWORD": "p1",
		"URL": "overridden:p1@$(UNKNOWN) $(PASSWORD) 5$",
	}
	if !maps.Equal(held.env, want) {
		t.Errorf("expected %v, found %v", want, held.env)
	}
}

func TestAMissingRequiredSecretOrKeyIsAConfigError(t *testing.T) {
	secrets := shelf{"Secret/db": secret("db", "1", nil)}
	for want, c := range map[string]*v1.Container{
		`secret "absent" not found`:                    {EnvFrom: []v1.EnvFromSource{envFrom("absent", "", false)}},
		`couldn't find key password in Secret shop/db`: {Env: []v1.EnvVar{envOf("P", "db", "password", false)}},
	} {
		_, err := resolve(t.Context(), secrets, pod(nil), "", c, nil)
		var why *waiting
		if !errors.As(err, &why) || why.reason != "CreateContainerConfigError" || why.message != want {
			t.Errorf("expected CreateContainerConfigError: %s, found %v", want, err)
		}
	}
}

func TestASubPathFileIsAsOldAsItsVolume(t *testing.T) {
	p := pod(nil)
	p.Spec.Volumes = []v1.Volume{{Name: "db", VolumeSource: v1.VolumeSource{
		Projected: &v1.ProjectedVolumeSource{Sources: []v1.VolumeProjection{{Secret: &v1.SecretProjection{
			LocalObjectReference: v1.LocalObjectReference{Name: "db"},
			Items:                []v1.KeyToPath{{Key: "password", Path: "login/pw"}},
		}}}},
	}}}
	c := &v1.Container{VolumeMounts: []v1.VolumeMount{
		{Name: "db", MountPath: "/etc/pw", SubPath: "login/pw"},
		{Name: "db", MountPath: "/etc/login", SubPath: "login"},
		{Name: "db", MountPath: "/run/db"},
	}}
	secrets := shelf{"Secret/db": secret("db", "5", map[string]string{"password": "p5"})}
	volumes, err := mount(t.Context(), secrets, p)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(value string) {
		t.Helper()
		held, err := resolve(t.Context(), secrets, p, "", c, volumes)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[string]string{"/etc/pw": value, "/etc/login/pw": value}; !maps.Equal(held.files, want) {
			t.Errorf("expected %v, found %v", want, held.files)
		}
	}
	expect("p5")

	start := time.Now()
	history := newSourceHistory()
	history.saw(secret("db", "3", map[string]string{"password": "p3"}), start)
	volumes.follow(history, start)
	expect("p5") // never older than what was mounted

	history.saw(secret("db", "7", map[string]string{"password": "p7"}), start.Add(time.Minute))
	volumes.follow(history, start.Add(59*time.Second))
	expect("p5")
	volumes.follow(history, start.Add(time.Minute))
	expect("p7")

	history.saw(secret("db", "8", map[string]string{"other": "x"}), start.Add(2*time.Minute))
	volumes.follow(history, start.Add(3*time.Minute))
	expect("p7") // the kubelet, too, keeps the files when a key is missing
}

func TestAVolumeNeedsItsSecretUnlessOptional(t *testing.T) {
	p := pod(nil)
	source := &v1.SecretVolumeSource{SecretName: "absent"}
	p.Spec.Volumes = []v1.Volume{{Name: "v", VolumeSource: v1.VolumeSource{Secret: source}}}
	if _, err := mount(t.Context(), shelf{}, p); err == nil {
		t.Error("expected the mount of an absent Secret to fail, it did not")
	}
	optional := true
	source.Optional = &optional
	if _, err := mount(t.Context(), shelf{}, p); err != nil {
		t.Errorf("expected the mount of an optional Secret to succeed, found %v", err)
	}
}

func TestHistoryForgetsWhatNobodyCanAskFor(t *testing.T) {
	history := newSourceHistory()
	start := time.Now()
	for i, version := range []string{"1", "2", "3"} {
		history.saw(secret("db", version, nil), start.Add(time.Duration(i)*remembered))
	}
	if n := len(history.versions["Secret/shop/db"]); n != 2 {
		t.Errorf("expected 2 versions: the current one and the one before, found %d", n)
	}
}

func TestConfigMapsGiveContentAsSecretsDo(t *testing.T) {
	bytes := map[string][]byte{"logo": {0xff, 0x00}}
	sources := shelf{
		"Secret/app":    secret("app", "1", map[string]string{"url": "of the Secret"}),
		"ConfigMap/app": configMap("app", "2", map[string]string{"url": "u1"}, bytes),
	}
	named := v1.LocalObjectReference{Name: "app"}
	p := pod(nil)
	p.Spec.Volumes = []v1.Volume{
		{Name: "files", VolumeSource: v1.VolumeSource{ConfigMap: &v1.ConfigMapVolumeSource{LocalObjectReference: named}}},
		{Name: "kube-api-access-x", VolumeSource: v1.VolumeSource{Projected: &v1.ProjectedVolumeSource{
			Sources: []v1.VolumeProjection{{ConfigMap: &v1.ConfigMapProjection{
				LocalObjectReference: v1.LocalObjectReference{Name: "kube-root-ca.crt"},
			}}},
		}}},
	}
	c := &v1.Container{
		Env: []v1.EnvVar{{Name: "URL", ValueFrom: &v1.EnvVarSource{
			ConfigMapKeyRef: &v1.ConfigMapKeySelector{LocalObjectReference: named, Key: "url"},
		}}},
		EnvFrom:      []v1.EnvFromSource{{Prefix: "APP_", ConfigMapRef: &v1.ConfigMapEnvSource{LocalObjectReference: named}}},
		VolumeMounts: []v1.VolumeMount{{Name: "files", MountPath: "/etc/logo", SubPath: "logo"}},
	}
	volumes, err := mount(t.Context(), sources, p)
	if err != nil {
		t.Fatal(err)
	}
	held, err := resolve(t.Context(), sources, p, "", c, volumes)
	if err != nil {
		t.Fatal(err)
	}
	if held.env["URL"] != "u1" || held.env["APP_url"] != "u1" || held.files["/etc/logo"] != "\xff\x00" {
		t.Errorf("expected the content of the ConfigMap, found %v and %q", held.env, held.files)
	}
}

func TestAMissingConfigMapIsAConfigErrorInTheWordsOfTheKubelet(t *testing.T) {
	sources := shelf{"ConfigMap/app": configMap("app", "1", nil, nil)}
	for expected, name := range map[string]string{
		`configmap "absent" not found`:                "absent",
		`couldn't find key url in ConfigMap shop/app`: "app",
	} {
		c := &v1.Container{Env: []v1.EnvVar{{Name: "URL", ValueFrom: &v1.EnvVarSource{ConfigMapKeyRef: &v1.ConfigMapKeySelector{
			LocalObjectReference: v1.LocalObjectReference{Name: name}, Key: "url",
		}}}}}
		_, err := resolve(t.Context(), sources, pod(nil), "", c, nil)
		if err == nil || !strings.Contains(err.Error(), expected) {
			t.Errorf("expected %q, found %v", expected, err)
		}
	}
}
