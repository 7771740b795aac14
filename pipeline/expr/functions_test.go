package expr_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/pipeline/expr"
)

// freight is what a Stage that requests Freight from two Warehouses sees.
func freight() expr.Env {
	return expr.Env{
		Allow: expr.AllowAll,
		Warehouses: []expr.Warehouse{
			{Name: "web", Subscriptions: []expr.Subscription{
				{Image: "ghcr.io/acme/web"},
				{Image: "ghcr.io/acme/shared"},
				{Git: "https://github.com/acme/web"},
				{Chart: "https://charts.example.com", ChartName: "web"},
				{Chart: "oci://ghcr.io/acme/chart"},
				{Name: "model"},
			}},
			{Name: "api", Subscriptions: []expr.Subscription{
				{Image: "ghcr.io/acme/shared"},
				{Image: "ghcr.io/acme/absent"},
				{Git: "git@github.com:acme/absent.git"},
				{Chart: "https://charts.example.com", ChartName: "absent"},
			}},
		},
		Freight: []expr.Freight{
			{
				Name: "f1", Origin: expr.Origin{Kind: "Warehouse", Name: "web"},
				Images: []expr.Image{
					{RepoURL: "ghcr.io/acme/web", Tag: "1.20", Digest: "sha256:aa", Annotations: map[string]string{"a.b": "c"}},
					{RepoURL: "ghcr.io/acme/shared", Tag: "w"},
					{RepoURL: "ghcr.io/acme/unsubscribed", Tag: "u"},
				},
				Commits: []expr.Commit{{RepoURL: "https://github.com/acme/web", ID: "123e45", Branch: "main", Message: "fix", Author: "A <a@b>"}},
				Charts: []expr.Chart{
					{RepoURL: "https://charts.example.com", Name: "web", Version: "3.0.0"},
					{RepoURL: "oci://ghcr.io/acme/chart", Version: "4.0.0"},
				},
				Artifacts: []expr.Artifact{{SubscriptionName: "model", Version: "v9", Metadata: map[string]any{"size": 3.0}}},
			},
			{
				Name: "f2", Origin: expr.Origin{Kind: "Warehouse", Name: "api"},
				Images: []expr.Image{{RepoURL: "ghcr.io/acme/shared", Tag: "a"}},
			},
		},
		FreightMetadata: map[string]map[string]any{"f1": {"ticket": "ABC-1"}},
		StageMetadata:   map[string]map[string]any{"prod": {"owner": "ops"}, "empty": nil},
		FreightStatus: func(name string) (map[string]any, error) {
			switch name {
			case "f1":
				return map[string]any{"verifiedIn": map[string]any{"test": nil}}, nil
			case "locked":
				return nil, errors.New("the database is locked")
			}
			return nil, nil
		},
	}
}

func TestFreightFunctions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		template string
		want     any
		message  string
	}{
		{"imageFrom gives a struct with Go names", "${{ imageFrom('ghcr.io/acme/web').Digest }}", "sha256:aa", ""},
		{"a tag is coerced", "${{ imageFrom('ghcr.io/acme/web').Tag }}", 1.2, ""},
		{"a quoted tag is not coerced", "${{ quote(imageFrom('ghcr.io/acme/web').Tag) }}", "1.20", ""},
		{"annotations are a map", "${{ imageFrom('ghcr.io/acme/web').Annotations['a.b'] }}", "c", ""},
		{"a whole image has lower camel case keys", "${{ imageFrom('ghcr.io/acme/shared', warehouse('web')) }}", map[string]any{"repoURL": "ghcr.io/acme/shared", "tag": "w"}, ""},
		{"an image that nobody subscribes to is nil, even when in Freight", "${{ imageFrom('ghcr.io/acme/unsubscribed') }}", nil, ""},
		{"with an origin subscriptions do not matter", "${{ imageFrom('ghcr.io/acme/unsubscribed', warehouse('web')).Tag }}", "u", ""},
		{"an image whose Freight is absent is nil", "${{ imageFrom('ghcr.io/acme/absent') == nil }}", true, ""},
		{"a field of an absent image may be optional", "${{ imageFrom('ghcr.io/acme/absent')?.Tag ?? 'none' }}", "none", ""},
		{"a field of an absent image is an error", "${{ imageFrom('ghcr.io/acme/absent').Tag }}", nil, "<nil>"},
		{"image URLs are compared as written", "${{ imageFrom('GHCR.io/acme/web') }}", nil, ""},
		{"two Warehouses with a repository need an origin", "${{ imageFrom('ghcr.io/acme/shared') }}", nil, "several subscriptions could provide an image from repository ghcr.io/acme/shared (Warehouses web and api)"},
		{"an origin decides", "${{ imageFrom('ghcr.io/acme/shared', warehouse('api')).Tag }}", "a", ""},
		{"an unknown origin is nil", "${{ imageFrom('ghcr.io/acme/web', warehouse('nope')) }}", nil, ""},

		{"Git URLs are normalised", "${{ commitFrom('https://x:y@GitHub.com/acme/web.git/').Branch }}", "main", ""},
		{"a short SHA is coerced", "${{ commitFrom('https://github.com/acme/web').ID }}", 123e45, ""},
		{"commits have message and author", "${{ commitFrom('https://github.com/acme/web').Message + commitFrom('https://github.com/acme/web').Author }}", "fixA <a@b>", ""},
		{"SSH and HTTPS are different repositories", "${{ commitFrom('git@github.com:acme/web.git') }}", nil, ""},
		{"a commit whose Freight is absent is nil", "${{ commitFrom('ssh://git@github.com/acme/absent') }}", nil, ""},

		{"chartFrom takes a name", "${{ chartFrom('https://charts.example.com', 'web').Version }}", "3.0.0", ""},
		{"chartFrom takes a name and an origin", "${{ chartFrom('https://charts.example.com', 'web', warehouse('web')).Version }}", "3.0.0", ""},
		{"chartFrom takes an origin without a name", "${{ chartFrom('oci://ghcr.io/acme/chart', warehouse('web')).Version }}", "4.0.0", ""},
		{"OCI charts have no name", "${{ chartFrom('oci://ghcr.io/acme/chart').Version }}", "4.0.0", ""},
		{"a chart that nobody subscribes to is an error", "${{ chartFrom('https://charts.example.com') }}", nil, "no chart from repository https://charts.example.com in the Freight"},
		{"a named chart that nobody subscribes to is an error", "${{ chartFrom('https://charts.example.com', 'x') }}", nil, `no chart "x" from repository`},
		{"a chart whose Freight is absent is nil", "${{ chartFrom('https://charts.example.com', 'absent') }}", nil, ""},
		{"a chart of another origin is nil", "${{ chartFrom('https://charts.example.com', 'web', warehouse('api')) }}", nil, ""},

		{"artifactFrom goes by subscription", "${{ artifactFrom('model').Metadata.size }}", 3.0, ""},
		{"an artifact of an unknown subscription is nil", "${{ artifactFrom('nope') }}", nil, ""},

		{"a second argument must be an origin", "${{ imageFrom('a', ctx) }}", nil, "must be a string or warehouse(name)"},
		{"a repository must be a string", "${{ imageFrom(vars.nothing) }}", nil, "argument 1 must be a string, not null"},
		{"a literal of another type is found when compiling", "${{ imageFrom(1) }}", nil, "cannot use int"},
		{"too many arguments are found when compiling", "${{ imageFrom('a', warehouse('b'), 1) }}", nil, "too many arguments"},
		{"warehouse gives an origin", "${{ warehouse('web') }}", map[string]any{"kind": "Warehouse", "name": "web"}, ""},
		{"a Warehouse has a name", "${{ warehouse('') }}", nil, "the name of the Warehouse is empty"},

		{"freightMetadata gives a map", "${{ freightMetadata('f1').ticket }}", "ABC-1", ""},
		{"metadata of unknown Freight is nil", "${{ freightMetadata('f9')?.ticket }}", nil, ""},
		{"freightMetadata needs a name", "${{ freightMetadata('') }}", nil, "the name of the Freight is empty"},
		{"freightStatus gives a map", "${{ 'test' in freightStatus('f1').verifiedIn }}", true, ""},
		{"what has not become of Freight is nil", "${{ 'test' in (freightStatus('f1').approvedFor ?? {}) }}", false, ""},
		{"the status of unknown Freight is nil", "${{ freightStatus('f9')?.verifiedIn }}", nil, ""},
		{"freightStatus needs a name", "${{ freightStatus('') }}", nil, "the name of the Freight is empty"},
		{"freightStatus says what keeps it from knowing", "${{ freightStatus('locked') }}", nil, "the database is locked"},
		{"stageMetadata gives a map", "${{ stageMetadata('prod').owner }}", "ops", ""},
		{"a Stage without metadata gives nil", "${{ stageMetadata('empty') }}", nil, ""},

		{"secret", "${{ secret('a') }}", nil, "use secrets.NAME"},
		{"sharedSecret", "${{ sharedSecret('a') }}", nil, "use secrets.NAME"},
		{"configMap", "${{ configMap('a') }}", nil, "use vars.NAME"},
		{"sharedConfigMap", "${{ sharedConfigMap('a') }}", nil, "use vars.NAME"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check(t, tt.template, freight(), tt.want, tt.message)
		})
	}
}

func check(t *testing.T, template string, env expr.Env, want any, message string) {
	t.Helper()
	got, err := expr.Evaluate(template, env)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Evaluate(%q) (-want +got):\n%s", template, diff)
	}
	if text := errorText(err); (text == "") != (message == "") || !strings.Contains(text, message) {
		t.Errorf("Evaluate(%q): error %q, want %q in it", template, text, message)
	}
}

func TestFreightFunctionsWithoutWarehouses(t *testing.T) {
	t.Parallel()
	env := freight()
	env.Warehouses = nil
	check(t, "${{ imageFrom('ghcr.io/acme/unsubscribed').Tag }}", env, "u", "")
	check(t, "${{ imageFrom('ghcr.io/acme/shared').Tag }}", env, nil, "several subscriptions")
	check(t, "${{ chartFrom('https://charts.example.com', 'x') }}", env, nil, "no chart")
}

func TestDiscoveredArtifacts(t *testing.T) {
	t.Parallel()
	env := expr.Env{Discovered: true, Freight: []expr.Freight{{
		Images:  []expr.Image{{RepoURL: "nginx", Tag: "1.27.0"}},
		Commits: []expr.Commit{{RepoURL: "https://github.com/acme/web", ID: "abc", Subject: "fix"}},
		Charts:  []expr.Chart{{RepoURL: "oci://ghcr.io/acme/chart", Version: "4.0.0"}, {RepoURL: "https://c.example.com", Name: "web", Version: "1.0.0"}},
	}}}
	tests := []struct {
		name, expression string
		want             any
	}{
		{"image URLs are normalised", "imageFrom('docker.io/library/nginx').Tag", "1.27.0"},
		{"commits have a subject", "commitFrom('https://github.com/acme/web.git').Subject", "fix"},
		{"chart URLs are normalised", "chartFrom('ghcr.io/Acme/chart').Version", "4.0.0"},
		{"no chart name means any", "chartFrom('https://c.example.com').Version", "1.0.0"},
		{"a chart name must be equal", "chartFrom('https://c.example.com', 'x')", nil},
		{"an absent image is nil", "imageFrom('redis')", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := expr.EvaluateBare(tt.expression, env)
			if err != nil || got != tt.want {
				t.Errorf("%s = %v, %v; want %v", tt.expression, got, err, tt.want)
			}
		})
	}
}

func TestTextFunctions(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		template string
		want     any
	}{
		{"quote keeps a number a string", "${{ quote(42) }}", "42"},
		{"quote keeps a bool a string", "${{ quote(true) }}", "true"},
		{"quote keeps null a string", "${{ quote(nil) }}", "null"},
		{"quote adds no quotes to a string", "${{ quote('1.10') }}", "1.10"},
		{"quote leaves Go's escapes in strings", `${{ quote('a"b') }}`, `a\"b`},
		{"quote gives the JSON of an object", `${{ quote({"a": 1}) }}`, `{"a":1}`},
		{"quote inside text shows its quotes", "x ${{ quote(1) }}", `x "1"`},
		{"unsafeQuote keeps the quotes of a string", "${{ unsafeQuote('a') }}", `"a"`},
		{"asJSON is indented and ends in a newline", `${{ asJSON({"a": [1]}) }}`, "{\n  \"a\": [\n    1\n  ]\n}\n"},
		{"asYAML ends in a newline", `${{ asYAML({"b": "1", "a": [1, true]}) }}`, "a:\n    - 1\n    - true\nb: \"1\"\n"},
		{"asYAML of a struct has lower camel case keys", `${{ asYAML(warehouse('w')) }}`, "kind: Warehouse\nname: w\n"},
		{"asYAML keeps large integers", `${{ asYAML({"big": 9007199254740993}) }}`, "big: 9007199254740993\n"},
		{"semverDiff sees the major part", "${{ semverDiff('1.2.3', '2.2.3') }}", "Major"},
		{"semverDiff sees the minor part", "${{ semverDiff('v1.2.3', '1.3.3') }}", "Minor"},
		{"semverDiff sees the patch part", "${{ semverDiff('1.2.3', '1.2.4') }}", "Patch"},
		{"semverDiff sees metadata", "${{ semverDiff('1.2.3+a', '1.2.3+b') }}", "Metadata"},
		{"semverDiff does not see prereleases", "${{ semverDiff('1.2.3-a', '1.2.3-b') }}", "None"},
		{"semverDiff accepts short versions", "${{ semverDiff('1', '1.0.0') }}", "None"},
		{"semverDiff needs versions", "${{ semverDiff('main', '1.0.0') }}", "Incomparable"},
		{"semverParse gives parts", "${{ semverParse('1.2.3-rc.1').Minor() }}", 2.0},
		{"semverParse gives increments", "${{ semverParse('1.2.3').IncMajor().String() }}", "2.0.0"},
		{"expr's replace", "${{ replace('a-b-c', '-', '_', 1) }}", "a_b-c"},
		{"expr's replace of all", "${{ replace('a-b-c', '-', '_') }}", "a_b_c"},
		{"expr's repeat", "${{ repeat('ab', 2) }}", "abab"},
		{"expr's join", "${{ join(['a', 'b'], '/') }}", "a/b"},
		{"expr's join of split", "${{ 'a,b' | split(',') | join() }}", "ab"},
		{"expr's uniq", "${{ uniq([1, 1, 'a', 2]) }}", []any{1.0, "a", 2.0}},
		{"expr's filter", "${{ filter([1, 2, 3], # > 1) }}", []any{2.0, 3.0}},
		{"expr's nested loops", "${{ map([1, 2], let x = #; map([10], # + x)) }}", []any{[]any{11.0}, []any{12.0}}},
		{"expr's reduce", "${{ reduce(1..4, #acc + #, 0) }}", 10.0},
		{"expr's sortBy", "${{ map(sortBy([{'a': 2}, {'a': 1}], .a, 'desc'), .a) }}", []any{2.0, 1.0}},
		{"expr's count", "${{ count([1, 2, 3], # > 1) }}", 2.0},
		{"expr's matches", "${{ 'v1.2' matches '^v[0-9]' }}", true},
		{"expr's in", "${{ 'a' in ['a', 'b'] }}", true},
		{"expr's pipes", "${{ ' A ' | trim() | lower() }}", "a"},
		{"expr's slices", "${{ 'abcdefghij'[:7] }}", "abcdefg"},
		{"expr's conditions", "${{ if 1 > 0 { 'y' } else { 'n' } }}", "y"},
		{"expr's dates", "${{ date('2026-01-02').Year() }}", 2026.0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check(t, tt.template, expr.Env{}, tt.want, "")
		})
	}
	check(t, "${{ semverParse('main') }}", expr.Env{}, nil, `version "main": invalid semantic version`)
}

func TestStatusFunctions(t *testing.T) {
	t.Parallel()
	steps := []expr.StepStatus{
		{Alias: "build", Phase: "Succeeded"},
		{Alias: "lint", Phase: "Failed", ContinueOnError: true},
		{Alias: "deploy::build", Phase: "Skipped"},
	}
	failed := append(steps[:len(steps):len(steps)], expr.StepStatus{Alias: "push", Phase: "Errored"})
	tests := []struct {
		name     string
		template string
		alias    string
		steps    []expr.StepStatus
		want     any
	}{
		{"nothing failed before the first step", "${{ success() }}", "", nil, true},
		{"a failure that may happen does not count", "${{ success() && !failure() }}", "", steps, true},
		{"an error counts", "${{ failure() && !success() }}", "", failed, true},
		{"a failure counts inside of tasks too", "${{ failure() }}", "deploy::push", failed, true},
		{"always is always", "${{ always() }}", "", failed, true},
		{"status gives the phase", "${{ status('build') }}", "push", steps, "Succeeded"},
		{"status sees the steps of its own task", "${{ status('build') }}", "deploy::push", steps, "Skipped"},
		{"status does not see steps outside of the task", "${{ status('lint') == '' }}", "deploy::push", steps, true},
		{"status does not see into tasks", "${{ status('deploy::build') == '' }}", "push", steps, true},
		{"status of an unknown step is empty", "${{ status('nope') }}", "", steps, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check(t, tt.template, expr.Env{Allow: expr.AllowStatus, Alias: tt.alias, Steps: tt.steps}, tt.want, "")
		})
	}
	check(t, "${{ status('') }}", expr.Env{Allow: expr.AllowStatus}, nil, "the alias of the step is empty")
}
