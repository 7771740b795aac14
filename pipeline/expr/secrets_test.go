package expr_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/expr"
)

func TestSecretsListsWhatIsMentioned(t *testing.T) {
	t.Parallel()
	got, err := expr.Secrets(map[string]any{
		"url":     "https://x/?q=${{ secrets.QUERY }}",
		"headers": []any{map[string]any{"value": "Bearer ${% secrets['TOKEN'] %} ${{ secrets?.QUERY }}"}},
		"plain":   "secrets.OTHER", "local": "${{ let s = {secrets: 1}; s.secrets }}", "count": 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"QUERY", "TOKEN"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, err := expr.Secrets(map[string]any{"a": []any{"${{ secrets. }}"}}); err == nil || !strings.HasPrefix(err.Error(), "a[0]: ") {
		t.Errorf("a template that does not parse: %v", err)
	}
}

func TestSecretsAreNamedOneByOne(t *testing.T) {
	t.Parallel()
	for template, ok := range map[string]bool{
		"${{ secrets.TOKEN }}":                           true,
		"${{ secrets['TOKEN'] }}":                        true,
		"${{ secrets?.TOKEN ?? 'none' }}":                true,
		"${{ quote(secrets.TOKEN) }}":                    true,
		"${{ secrets.TOKEN + secrets.OTHER }}":           true,
		"${{ secrets[vars.name] }}":                      false,
		"${{ asJSON(secrets) }}":                         false,
		"${{ secrets | keys() }}":                        false,
		"${{ secrets.TOKEN + string(secrets) }}":         false,
		"${{ let s = secrets; s.TOKEN }}":                false,
		"${{ let secrets = {TOKEN: 1}; secrets.TOKEN }}": true,
	} {
		err := expr.Check(template)
		if ok && err != nil {
			t.Errorf("%s: %v", template, err)
		}
		if !ok && (err == nil || !strings.Contains(err.Error(), "secrets must be named one by one: secrets.NAME")) {
			t.Errorf("%s: %v", template, err)
		}
	}
}
