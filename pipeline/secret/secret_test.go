package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline/secret"
)

const value = "s3cr3t/+ \"va?lue\"<&>"

func masking(values ...string) *secret.Mask {
	var m secret.Mask
	for _, v := range values {
		m.Add(v)
	}
	return &m
}

func TestValuesAreHiddenInEveryForm(t *testing.T) {
	t.Parallel()
	m := masking(value)
	quoted, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"plain":               value,
		"query":               "https://x.example/?q=" + url.QueryEscape(value) + "&a=b",
		"path":                "/" + url.PathEscape(value) + "/",
		"JSON":                string(quoted),
		"quoted by Go":        fmt.Sprintf("%q", value),
		"hexadecimal":         hex.EncodeToString([]byte(value)),
		"Base64":              base64.StdEncoding.EncodeToString([]byte(value)),
		"Base64 for URLs":     base64.RawURLEncoding.EncodeToString([]byte(value)),
		"basic auth":          base64.StdEncoding.EncodeToString([]byte("user:" + value)),
		"basic auth, shifted": base64.StdEncoding.EncodeToString([]byte("me:" + value + ":x")),
		"basic auth, again":   base64.URLEncoding.EncodeToString([]byte("me2:" + value + "end")),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := m.Hide("before " + text + " after")
			if !strings.Contains(got, secret.Placeholder) || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
				t.Fatalf("got %q", got)
			}
			for _, piece := range []string{value, "va?lue", "s3cr3t", base64.StdEncoding.EncodeToString([]byte("cr3t/+ "))[:8]} {
				if strings.Contains(got, piece) {
					t.Errorf("%q is left in %q", piece, got)
				}
			}
		})
	}
}

func TestHide(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		values     []string
		text, want string
	}{
		"nothing is secret":                       {nil, "plain", "plain"},
		"an empty value is no secret":             {[]string{"", "\n"}, "a b\n", "a b\n"},
		"every occurrence goes":                   {[]string{"hunter2"}, "hunter2 hunter2", "*** ***"},
		"a line break at the end does not matter": {[]string{"hunter2\n"}, "is hunter2!", "is ***!"},
		"the longer of two values goes first":     {[]string{"hunter", "hunter2"}, "hunter2", "***"},
		"overlapping values go together":          {[]string{"abcd", "cdef"}, "xabcdefy", "x***y"},
		"a number as expressions coerce it":       {[]string{"0123"}, "the number 123", "the number ***"},
		"lines of a longer value go one by one": {
			[]string{"-----BEGIN KEY-----\nMIIEpAIBAAKCAQEA\n}\n"}, "x MIIEpAIBAAKCAQEA } y", "x *** } y",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := masking(tt.values...).Hide(tt.text); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestJSONStaysJSON(t *testing.T) {
	t.Parallel()
	m := masking("hunter2", "4711")
	for in, want := range map[string]string{
		`{"a":["x","is hunter2"],"n":1}`: `{"a":["x","is ***"],"n":1}`,
		`{"hunter2":true}`:               `{"***":true}`,
		`{"pin":4711}`:                   `{"pin":"***"}`,
		`{"b" : 1.50}`:                   `{"b" : 1.50}`,
		`not JSON, hunter2`:              `"not JSON, ***"`,
		``:                               ``,
	} {
		if got := string(m.JSON(json.RawMessage(in))); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestErrorsKeepWhatTheyWrap(t *testing.T) {
	t.Parallel()
	m := masking("hunter2")
	in := fmt.Errorf("open hunter2: %w", &fs.PathError{Op: "open", Path: "hunter2", Err: fs.ErrNotExist})
	got := m.Error(in)
	if strings.Contains(got.Error(), "hunter2") || !errors.Is(got, fs.ErrNotExist) {
		t.Errorf("got %v", got)
	}
	if _, ok := errors.AsType[*fs.PathError](got); !ok {
		t.Error("the cause is not found")
	}
	if plain := errors.New("plain"); !errors.Is(m.Error(plain), plain) || m.Error(plain).Error() != "plain" || m.Error(nil) != nil {
		t.Error("an error without a secret is another one")
	}
}

func TestLogsAreMasked(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	m := masking("hunter2")
	log := m.Logger(slog.New(slog.NewTextHandler(&out, nil))).With("a", "hunter2").WithGroup("g")
	log.Info("is hunter2", "err", errors.New("bad hunter2"), slog.Group("deep", "b", "hunter2"), "n", 3)
	if got := out.String(); strings.Contains(got, "hunter2") || strings.Count(got, "***") != 4 || !strings.Contains(got, "g.n=3") {
		t.Errorf("got %s", got)
	}
}

// No value is left, wherever it stands and whatever else is secret.
func FuzzHide(f *testing.F) {
	f.Add("hunter2", "ter2hun", "xhunter2hunx")
	f.Add("a", "*", "a*b")
	f.Add("0123", "1e3", "123 1000")
	f.Fuzz(func(t *testing.T, a, b, around string) {
		m := masking(a, b)
		for _, v := range []string{a, b} {
			if v == "" || strings.TrimSpace(v) == "" || strings.Contains(v, "*") {
				continue
			}
			got := m.Hide(around + v + around)
			if strings.Contains(got, v) {
				t.Errorf("%q is left in %q", v, got)
			}
		}
	})
}
