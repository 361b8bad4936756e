package main

import (
	"slices"
	"strings"
	"testing"

	v1 "k8s.io/api/core/v1"
)

func TestAProbeCountsWhatComesOftenEnoughInARow(t *testing.T) {
	v := newVerdict(&v1.Probe{SuccessThreshold: 2, FailureThreshold: 3}, false)
	var found []bool
	for _, success := range []bool{true, false, true, true, false, false, true, false, false, false} {
		v.count(success)
		found = append(found, v.holds)
	}
	want := []bool{false, false, false, true, true, true, true, true, true, false}
	if !slices.Equal(found, want) {
		t.Errorf("expected %v, found %v", want, found)
	}
}

func TestTheUndertakerEndsWhatWasNotBuried(t *testing.T) {
	var killed []int
	kill := func(pid int) error { killed = append(killed, pid); return nil }
	if err := bury(strings.NewReader("+10\n+11\n-10\n+12\n-12\n"), kill); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(killed, []int{11}) {
		t.Errorf("expected 11 to be killed, found %v", killed)
	}
	// A number that is not one of a process would end what nobody asked to end.
	for _, line := range []string{"+1\n", "-0\n", "+-5\n", "hello\n"} {
		if err := bury(strings.NewReader("+10\n"+line), kill); err == nil {
			t.Errorf("expected an error for %q", line)
		}
	}
}

func TestAPodOfProcessesTakesNoAnnotationOfSimulatedOnes(t *testing.T) {
	_, err := parsePodBehaviour(pod(map[string]string{"runtime": "process", "crash": "1"}))
	if err == nil || !strings.Contains(err.Error(), prefix+"crash") {
		t.Errorf("expected a fault that names %scrash, found %v", prefix, err)
	}
	_, err = parsePodBehaviour(pod(map[string]string{"runtime": "docker"}))
	if err == nil || !strings.Contains(err.Error(), `"docker"`) {
		t.Errorf("expected a fault that names docker, found %v", err)
	}
	if _, err := parsePodBehaviour(pod(map[string]string{"runtime": "process", "volume-delay": "1s"})); err != nil {
		t.Error(err)
	}
}
