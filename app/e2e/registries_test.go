package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v3"

	"github.com/kargo-app/kargo/app/forge"
	"github.com/kargo-app/kargo/app/forge/ociregistry"
	"github.com/kargo-app/kargo/handlers/registryhook"
)

const (
	chartName  = org + "/charts/web"
	hookSecret = "correct horse battery staple"
)

// publishChart pushes a version of a chart; nobody tells the server.
func (w *world) publishChart(version string) error {
	_, err := w.registry.PushChart(ociregistry.Chart{Repository: chartName, Version: version})
	return err
}

// publishBuilt pushes an image that says to be built from the head of the repository
// that verbs act on, and tells the server.
func (s *scene) publishBuilt(version string) error {
	commits, err := s.Commits(s.repo, "main")
	if err != nil {
		return err
	}
	digest, err := s.registry.Push(ociregistry.Image{
		Repository: imageName, Tag: version, Content: version, Created: time.Now(), Annotations: map[string]string{
			"org.opencontainers.image.source": s.url + "/" + s.repo, "org.opencontainers.image.revision": commits[0].SHA,
		},
	})
	if err != nil {
		return err
	}
	return s.PublishPackage(s.Repositories()[0], "ben", forge.Package{Name: "web", Registry: s.host, Tag: version, Digest: digest})
}

// addReceiver adds a webhook to the configuration of servers that start from now on.
func addReceiver(s *scene, _ *testscript.TestScript, args []string) error {
	options, err := pairs(args[2:])
	if err != nil {
		return err
	}
	r := registryhook.Receiver{Name: args[0], Kind: registryhook.Kind(args[1]), Secret: hookSecret, When: options["when"], URL: options["url"]}
	if err := r.Validate(); err != nil {
		return err
	}
	s.receivers = append(s.receivers, r)
	var list []map[string]string
	for _, r := range s.receivers {
		entry := map[string]string{"name": r.Name, "kind": string(r.Kind), "secret": r.Secret}
		if r.URL != "" {
			entry["when"], entry["url"] = r.When, r.URL
		}
		list = append(list, entry)
	}
	text, err := yaml.Marshal(list)
	s.set(map[string]string{"KARGO_REGISTRY_WEBHOOKS": string(text)})
	return err
}

// hook sends what a registry would. SECRET in a header is the receiver's.
func hook(s *scene, ts *testscript.TestScript, args []string) error {
	for _, r := range s.receivers {
		if r.Name != args[0] {
			continue
		}
		body := strings.NewReader(s.fill(ts.ReadFile(args[1])))
		req, err := http.NewRequestWithContext(s.tb.Context(), http.MethodPost, "http://"+s.server.addr+r.Path(), body)
		if err != nil {
			return err
		}
		headers, err := pairs(args[3:])
		if err != nil {
			return err
		}
		for k, v := range headers {
			req.Header.Set(k, strings.ReplaceAll(v, "SECRET", r.Secret))
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		_ = resp.Body.Close()
		if strconv.Itoa(resp.StatusCode) != args[2] {
			return fmt.Errorf("it is answered %s", resp.Status)
		}
		return nil
	}
	return fmt.Errorf("no receiver %s", args[0])
}

// addCredentials runs kargo credentials add beside the server.
func addCredentials(s *scene, _ *testscript.TestScript, args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(s.tb.Context(), self, "credentials", "add", s.repo,
		"--kind", args[0], "--url", s.fill(args[1]), "--username", args[2])
	cmd.Stdin = strings.NewReader(args[3] + "\n")
	cmd.Env = []string{asKargo + "=1", "HOME=/nonexistent"}
	for _, name := range []string{"KARGO_DATA_DIR", "KARGO_SECRET_KEY"} {
		cmd.Env = append(cmd.Env, name+"="+s.settings[name])
	}
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil:
		return fmt.Errorf("kargo credentials add: %w\n%s", err, out)
	case strings.Contains(string(out), args[3]):
		return errors.New("kargo credentials add shows the password")
	}
	return nil
}
