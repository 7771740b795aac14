package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/handlers/registryhook"
	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/store"
)

// TestRegistriesHintAtWarehouses goes all the way from a registry's request to a
// Warehouse that is due.
func TestRegistriesHintAtWarehouses(t *testing.T) {
	t.Parallel()
	hub := registryhook.Receiver{Name: "hub", Kind: registryhook.DockerHub, Secret: "correct horse battery"}
	a := newApp(t, Config{RegistryWebhooks: []registryhook.Receiver{hub}}, nil)
	if err := a.db.PutRepo(t.Context(), store.RepoRecord{Repo: pipeline.Repo{ID: 7, Owner: "acme", Name: "deploy"}, Installation: 1}, a.now()); err != nil {
		t.Fatal(err)
	}
	warehouse := pipeline.Warehouse{Name: "web"}
	config := store.Config{SHA: "c1", Blob: "b1", Pipeline: &pipeline.Pipeline{Warehouses: []pipeline.Warehouse{warehouse}}}
	subs := []store.Subscription{{Kind: pipeline.ImageArtifact, URL: "index.docker.io/acme/web", Warehouse: "web"}}
	if err := a.db.SaveConfig(t.Context(), 7, config, subs, a.now()); err != nil {
		t.Fatal(err)
	}
	post := func(path, body string) (int, string) {
		w := httptest.NewRecorder()
		a.router().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body)))
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	body := `{"push_data":{"tag":"1.0"},"repository":{"repo_name":"acme/web"}}`
	if code, text := post(hub.Path(), body); code != http.StatusAccepted || text != "accepted" {
		t.Errorf("answered %d %s", code, text)
	}
	states, err := a.db.Warehouses(t.Context(), 7)
	if err != nil || len(states) != 1 || states[0].Hints == 0 {
		t.Errorf("Warehouses %+v, %v", states, err)
	}
	if code, _ := post(hub.Path()+"0", body); code != http.StatusNotFound {
		t.Errorf("another address is answered %d", code)
	}
}
