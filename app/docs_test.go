package app

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/manifest/appmanifest"
)

// TestAppSubscribesToWhatIsHandled keeps the App's manifest and the handlers in
// step.
func TestAppSubscribesToWhatIsHandled(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	a, err := New(t.Context(), Config{
		Addr: "127.0.0.1:0", DatabasePath: filepath.Join(t.TempDir(), "kargo.db"), GitHubURL: "https://github.com",
		AppID: 1, PrivateKey: key, WebhookSecret: []byte("s"),
	}, Options{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	always := []string{"installation", "installation_repositories"}
	handled := slices.DeleteFunc(a.dispatcher.Events(), func(e string) bool { return slices.Contains(always, e) })
	if diff := cmp.Diff(appmanifest.Events(), handled); diff != "" {
		t.Errorf("subscribed but not handled (-), handled but not subscribed (+):\n%s", diff)
	}
}

// TestOperationsGuideListsSettings keeps the guide and the configuration in step.
func TestOperationsGuideListsSettings(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../deploy/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range settings() {
		value := "–"
		if s.value != "" {
			value = "`" + s.value + "`"
		}
		row := fmt.Sprintf("| `%s` | %s | %s |\n", envName(s.name), value, s.usage)
		if !strings.Contains(string(guide), row) {
			t.Errorf("deploy/README.md lacks the row %s", row)
		}
	}
}
