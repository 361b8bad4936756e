package main

import "testing"

func TestAFaultyAnnotationSaysWhatIsExpected(t *testing.T) {
	for what, test := range map[string]struct{ value, want string }{
		"ready-delay":  {"soon", `expected a duration like 500ms, found "soon"`},
		"volume-delay": {"-1s", `expected a duration like 500ms, found "-1s"`},
		"crash":        {"often", `expected an exit code like 1, or 1 after 500ms, found "often"`},
		"clock-skew":   {"1", `expected a duration like -30s, found "1"`},
		"raedy-delay":  {"1s", `expected a known annotation, found "raedy-delay"`},
		"crash.other":  {"1", `expected the name of a container behind the dot, found "other"`},
	} {
		p := pod(map[string]string{what: test.value})
		_, err := parsePodBehaviour(p)
		if err == nil {
			_, err = parseBehaviour(p, "app", false)
		}
		want := "InvalidSimulation: " + prefix + what + ": " + test.want
		if err == nil || err.Error() != want {
			t.Errorf("%s: expected %q, found %v", what, want, err)
		}
	}
}

func TestTheNameOfAContainerOverridesWhatIsSaidOfAll(t *testing.T) {
	p := pod(map[string]string{"crash": "1", "crash.app": "2 after 1s"})
	b, err := parseBehaviour(p, "app", false)
	if err != nil || *b.crash != (crash{code: 2, after: 1e9}) {
		t.Errorf("expected exit 2 after 1s, found %+v, %v", b.crash, err)
	}
	b, err = parseBehaviour(p, "init", true)
	if err != nil || b.crash != nil {
		t.Errorf("expected nothing for an init container that is not named, found %+v, %v", b.crash, err)
	}
}
