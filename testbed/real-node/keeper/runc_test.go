package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestASpecLosesItsSeccompProfileAndNothingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "config.json")
	if err := os.WriteFile(path, []byte(`{"linux":{"seccomp":{"a":1},"resources":{"b":9007199254740993}},"process":{"args":["sh"]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := dropSeccomp(path); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if want := `{"linux":{"resources":{"b":9007199254740993}},"process":{"args":["sh"]}}`; err != nil || string(text) != want {
		t.Errorf("expected %s, found %s (%v)", want, text, err)
	}
}
