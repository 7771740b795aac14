package registryhook_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/handlers/registryhook"
	"github.com/kargo-app/kargo/pipeline"
)

const secret = "correct horse battery"

// hints notes what is hinted at.
type hints struct {
	got []string
	ids []int64
	err error
}

func (h *hints) MarkSubscribersDue(_ context.Context, kind pipeline.ArtifactKind, url string, _ time.Time) ([]int64, error) {
	h.got = append(h.got, string(kind)+" "+url)
	return h.ids, h.err
}

func serve(t *testing.T, h *hints, receivers ...registryhook.Receiver) (http.Handler, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	handler, err := registryhook.New(receivers, h, registryhook.Options{
		Now: func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC) }, Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return handler, &log
}

func post(t *testing.T, h http.Handler, path, body string, header ...string) (int, string) {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec.Code, strings.TrimSpace(rec.Body.String())
}

func sign(body string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	return hex.EncodeToString(mac.Sum(nil))
}

const dockerHub = `{"push_data":{"tag":"1.0"},"repository":{"repo_name":"acme/web"}}`

func TestAPushMakesWarehousesDue(t *testing.T) {
	t.Parallel()
	r := registryhook.Receiver{Name: "hub", Kind: registryhook.DockerHub, Secret: secret}
	known := &hints{ids: []int64{7}}
	h, log := serve(t, known, r)
	if code, text := post(t, h, r.Path(), dockerHub); code != http.StatusAccepted || text != "accepted" {
		t.Errorf("answered %d %s", code, text)
	}
	want := []string{"image index.docker.io/acme/web", "chart index.docker.io/acme/web"}
	if diff := cmp.Diff(want, known.got); diff != "" {
		t.Errorf("hints (-want +got):\n%s", diff)
	}
	if strings.Contains(log.String(), secret) || strings.Contains(log.String(), r.Path()) {
		t.Errorf("the log gives the address away: %s", log)
	}
	known.ids = nil
	if code, text := post(t, h, r.Path(), dockerHub); code != http.StatusAccepted || text != "nobody subscribes" {
		t.Errorf("answered %d %s", code, text)
	}
	known.err = errors.New("disk full")
	if code, _ := post(t, h, r.Path(), dockerHub); code != http.StatusServiceUnavailable {
		t.Errorf("a hint that is not stored is answered %d", code)
	}
}

func TestOnlyTheExactAddressIsServed(t *testing.T) {
	t.Parallel()
	r := registryhook.Receiver{Name: "hub", Kind: registryhook.DockerHub, Secret: secret}
	h, _ := serve(t, &hints{}, r)
	rotated, renamed, other := r, r, r
	rotated.Secret = secret + "!"
	renamed.Name = "Hub"
	other.Kind = registryhook.Quay
	for name, path := range map[string]string{
		"another secret":    rotated.Path(),
		"another name":      renamed.Path(),
		"another kind":      other.Path(),
		"no token":          registryhook.Prefix + "dockerhub/",
		"a prefix of it":    r.Path()[:len(r.Path())-1],
		"something beneath": r.Path() + "/",
	} {
		if code, _ := post(t, h, path, dockerHub); code != http.StatusNotFound {
			t.Errorf("%s is answered %d", name, code)
		}
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), http.MethodGet, r.Path(), nil))
	if rec.Code != http.StatusNotFound {
		t.Errorf("GET is answered %d", rec.Code)
	}
}

func TestKindsThatCanProveThemselvesMust(t *testing.T) {
	t.Parallel()
	tests := map[registryhook.Kind]struct {
		header string
		value  func(body string) string
		body   string
	}{
		registryhook.GHCR:        {"X-Hub-Signature-256", func(b string) string { return "sha256=" + sign(b) }, `{"zen":"x"}`},
		registryhook.Gitea:       {"X-Gitea-Signature", sign, `{}`},
		registryhook.Artifactory: {"X-JFrog-Event-Auth", sign, `{"domain":"docker"}`},
		registryhook.Harbor:      {"Authorization", func(string) string { return secret }, `{"type":"x"}`},
	}
	for kind, tt := range tests {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			r := registryhook.Receiver{Name: "x", Kind: kind, Secret: secret}
			h, _ := serve(t, &hints{}, r)
			if code, text := post(t, h, r.Path(), tt.body, tt.header, tt.value(tt.body)); code != http.StatusAccepted {
				t.Errorf("the right proof is answered %d %s", code, text)
			}
			for name, value := range map[string]string{
				"none": "", "of another body": tt.value(tt.body+" ") + "00", "nonsense": "zz",
			} {
				if code, _ := post(t, h, r.Path(), tt.body, tt.header, value); code != http.StatusUnauthorized {
					t.Errorf("proof %s is answered %d", name, code)
				}
			}
			if kind != registryhook.Harbor {
				if code, _ := post(t, h, r.Path(), tt.body+" ", tt.header, tt.value(tt.body)); code != http.StatusUnauthorized {
					t.Errorf("a body that was changed is answered %d", code)
				}
			}
		})
	}
}

func TestBodiesThatAreNotRead(t *testing.T) {
	t.Parallel()
	hub := registryhook.Receiver{Name: "hub", Kind: registryhook.DockerHub, Secret: secret}
	gar := registryhook.Receiver{Name: "gar", Kind: registryhook.GAR, Secret: secret}
	known := &hints{}
	h, _ := serve(t, known, hub, gar)
	if code, _ := post(t, h, hub.Path(), strings.Repeat(" ", 2<<20)+dockerHub); code != http.StatusRequestEntityTooLarge {
		t.Errorf("more than 2 MiB is answered %d", code)
	}
	if code, _ := post(t, h, hub.Path(), "not JSON"); code != http.StatusBadRequest {
		t.Errorf("an unreadable body is answered %d", code)
	}
	if code, text := post(t, h, gar.Path(), "not JSON"); code != http.StatusAccepted || text != "not understood" {
		t.Errorf("Pub/Sub would send it for ever: %d %s", code, text)
	}
	if len(known.got) > 0 {
		t.Errorf("hints %v", known.got)
	}
}

func TestReceiversThatAreNotValid(t *testing.T) {
	t.Parallel()
	good := registryhook.Receiver{Name: "a", Kind: registryhook.Quay, Secret: secret}
	with := func(change func(*registryhook.Receiver)) []registryhook.Receiver {
		r := good
		change(&r)
		return []registryhook.Receiver{r}
	}
	tests := map[string]struct {
		receivers []registryhook.Receiver
		want      string
	}{
		"no name":            {with(func(r *registryhook.Receiver) { r.Name = "" }), "needs a name"},
		"an unknown kind":    {with(func(r *registryhook.Receiver) { r.Kind = "dokerhub" }), `did you mean "dockerhub"?`},
		"a short secret":     {with(func(r *registryhook.Receiver) { r.Secret = "short" }), "at least 16 characters"},
		"when without use":   {with(func(r *registryhook.Receiver) { r.When = "true" }), "for kind generic"},
		"a virtual nothing":  {with(func(r *registryhook.Receiver) { r.VirtualRepository = "x" }), "for kind artifactory"},
		"generic, no url":    {with(func(r *registryhook.Receiver) { r.Kind = registryhook.Generic }), "needs url"},
		"a wrong expression": {with(func(r *registryhook.Receiver) { r.Kind, r.URL = registryhook.Generic, "request.body.(" }), "receiver a: url:"},
		"a name twice":       {[]registryhook.Receiver{good, good}, "is there twice"},
	}
	for name, tt := range tests {
		_, err := registryhook.New(tt.receivers, &hints{}, registryhook.Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error gives the secret away", name)
		}
	}
}
