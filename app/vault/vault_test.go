package vault_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/kargo-app/kargo/app/vault"
)

const (
	first  = "first key, of at least thirty-two characters"
	second = "second key, of at least thirty-two characters"
)

func open(tb testing.TB, keys ...string) *vault.Vault {
	tb.Helper()
	v, err := vault.New(strings.Join(keys, "\n"))
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestValuesOpenOnlyWhereTheyWereSealed(t *testing.T) {
	t.Parallel()
	v := open(t, first)
	home := vault.Credential(1, "image", "ghcr.io")
	for _, value := range []string{"", "hunter2", strings.Repeat("x", 1<<16)} {
		sealed, err := v.Seal(home, []byte(value))
		if err != nil {
			t.Fatal(err)
		}
		if value != "" && bytes.Contains(sealed, []byte(value)) {
			t.Error("the sealed value can be read")
		}
		if got, err := v.Open(home, sealed); err != nil || string(got) != value {
			t.Errorf("opened %d bytes, %v", len(got), err)
		}
		for name, place := range map[string]vault.Place{
			"another repository": vault.Credential(2, "image", "ghcr.io"),
			"another kind":       vault.Credential(1, "chart", "ghcr.io"),
			"another address":    vault.Credential(1, "image", "ghcr.io/acme"),
			"a secret":           vault.Secret(1, "ghcr.io"),
		} {
			if _, err := v.Open(place, sealed); !errors.Is(err, vault.ErrDamaged) {
				t.Errorf("opens for %s: %v", name, err)
			}
		}
	}
}

func TestTheSameValueIsSealedDifferentlyEveryTime(t *testing.T) {
	t.Parallel()
	v := open(t, first)
	a, errA := v.Seal(vault.Secret(1, "A"), []byte("x"))
	b, errB := v.Seal(vault.Secret(1, "A"), []byte("x"))
	if errA != nil || errB != nil || bytes.Equal(a, b) {
		t.Errorf("%x, %x, %v, %v", a, b, errA, errB)
	}
}

func TestKeysCanBeReplaced(t *testing.T) {
	t.Parallel()
	place := vault.Secret(1, "TOKEN")
	old, err := open(t, first).Seal(place, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	both := open(t, second, "", first)
	if got, err := both.Open(place, old); err != nil || string(got) != "x" {
		t.Errorf("a further key does not open: %q, %v", got, err)
	}
	renewed, err := both.Seal(place, []byte("y"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := open(t, second).Open(place, renewed); err != nil || string(got) != "y" {
		t.Errorf("the first key does not seal: %q, %v", got, err)
	}
	if _, err := open(t, second).Open(place, old); !errors.Is(err, vault.ErrSealed) {
		t.Errorf("a key that is gone: %v", err)
	}
}

func TestWithoutAKeyNothingIsSealed(t *testing.T) {
	t.Parallel()
	v := open(t, " \n")
	if v != nil {
		t.Fatal("blanks are a key")
	}
	if _, err := v.Seal(vault.Secret(1, "A"), []byte("x")); !errors.Is(err, vault.ErrNoKey) || !strings.Contains(err.Error(), "KARGO_SECRET_KEY") {
		t.Errorf("seal: %v", err)
	}
	if _, err := v.Open(vault.Secret(1, "A"), []byte("x")); !errors.Is(err, vault.ErrNoKey) {
		t.Errorf("open: %v", err)
	}
	if _, err := vault.New("short"); err == nil || strings.Contains(err.Error(), `"short"`) {
		t.Errorf("a short key: %v", err)
	}
}

// Nothing opens but what was sealed. Seeds come from another process, which sealed
// the same secret with another nonce.
func FuzzOpen(f *testing.F) {
	v := open(f, first)
	place := vault.Secret(1, "A")
	sealed, err := v.Seal(place, []byte("hunter2"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add([]byte{})
	f.Add(sealed[:17])
	f.Add(append(bytes.Clone(sealed), 0))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := v.Open(place, data)
		if err == nil && (string(got) != "hunter2" || len(data) != len(sealed)) {
			t.Errorf("opened %q", got)
		}
	})
}
