package app

import "testing"

func TestRemoteBasesAreThoseThatTheOperatorNamed(t *testing.T) {
	t.Parallel()
	var c Config
	if err := setRemoteBases(&c, "github.com/acme, https://GitHub.example.com/,github.com/other/bases.git"); err != nil {
		t.Fatal(err)
	}
	for repo, want := range map[string]bool{
		"https://github.com/acme/web":                  true,
		"https://github.com/ACME/web.git":              true,
		"https://github.com/acme-evil/web":             false,
		"https://github.com/other/bases":               true,
		"https://github.com/other/bases2":              false,
		"https://github.com/other/web":                 false,
		"https://github.example.com/x/y":               true,
		"https://github.example.com.evil.com/x/y":      false,
		"http://github.com/acme/web":                   false,
		"https://evil.com/https://github.com/acme/web": false,
	} {
		if got := c.RemoteBases.allow(repo); got != want {
			t.Errorf("%s: %v, want %v", repo, got, want)
		}
	}
	if remoteBases(nil).allow("https://github.com/acme/web") {
		t.Error("something is allowed by default")
	}
	for _, bad := range []string{"https://user:pass@github.com", "*", "github.com/acme?x=1", "https://"} {
		if err := setRemoteBases(&Config{}, bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
