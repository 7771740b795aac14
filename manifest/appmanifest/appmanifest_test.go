package appmanifest_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/manifest/appmanifest"
)

func TestOperationsGuideListsPermissionsAndEvents(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(guide), appmanifest.Table()) {
		t.Errorf("deploy/README.md does not hold this table:\n%s", appmanifest.Table())
	}
}

func TestManifest(t *testing.T) {
	t.Parallel()
	raw, err := appmanifest.Manifest("kargo", "https://kargo.example.com/")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		URL  string `json:"url"`
		Hook struct {
			URL string `json:"url"`
		} `json:"hook_attributes"`
		Permissions map[string]string `json:"default_permissions"`
		Events      []string          `json:"default_events"`
	}
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	if m.Hook.URL != "https://kargo.example.com/webhooks/github" {
		t.Errorf("hook URL = %q", m.Hook.URL)
	}
	if m.Permissions["contents"] != "write" || m.Permissions["administration"] != "" || m.Permissions["workflows"] != "" {
		t.Errorf("permissions = %v", m.Permissions)
	}
	if len(m.Events) == 0 {
		t.Error("no events")
	}
}

func TestManifestRefusesWhatGitHubWould(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "http://kargo.example.com", "localhost:8080"} {
		if _, err := appmanifest.Manifest("kargo", url); err == nil {
			t.Errorf("Manifest with URL %q: no error", url)
		}
	}
}
