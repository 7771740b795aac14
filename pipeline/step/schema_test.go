package step_test

import (
	"strings"
	"testing"

	"github.com/kargo-app/kargo/pipeline/step"
)

func TestCheckConfig(t *testing.T) {
	t.Parallel()
	reg, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		uses   string
		config config
		want   []string // parts of the error; none means valid
	}{
		{
			name: "what has no expression is checked in full",
			uses: "delete", config: config{"path": "a", "paths": []any{"b"}},
			want: []string{"exactly one of path and paths"},
		},
		{
			name: "what must not be empty",
			uses: "yaml-merge", config: config{"inFiles": []any{}, "outFile": ""},
			want: []string{"inFiles must not be empty", "outFile must not be empty"},
		},
		{
			name: "contents may be empty",
			uses: "file-write", config: config{"path": "a", "contents": ""},
		},
		{
			name: "an expression passes as any type",
			uses: "git-merge-pr", config: config{"repoURL": repoURL, "prNumber": "${{ outputs.o.pr.id }}", "wait": "${% vars.wait %}"},
		},
		{
			name: "an expression does not hide an unknown field",
			uses: "copy", config: config{"inPath": "${{ vars.a }}", "outPat": "b"},
			want: []string{"outPath is required", `unknown field "outPat" (did you mean "outPath"?)`},
		},
		{
			name: "an expression does not hide a wrong type elsewhere",
			uses: "git-clone", config: config{"repoURL": "${{ vars.url }}", "checkout": []any{config{"path": "a", "create": "yes"}, "b"}},
			want: []string{"checkout[0].create: expected a boolean, got a string", "checkout[1]: expected a map, got a string"},
		},
		{
			name: "an expression may stand for a whole list",
			uses: "yaml-update", config: config{"path": "a", "updates": "${{ vars.updates }}"},
		},
		{
			name: "a number where text is wanted says how to quote",
			uses: "kustomize-set-image", config: config{"path": "a", "images": []any{config{"image": "b", "tag": 1.10}}},
			want: []string{"images[0].tag: expected a string, got the number 1.1; wrap the expression in quote()"},
		},
		{
			name: "one text may stand for a list of them",
			uses: "send-message", config: config{"channel": config{"name": "a"}, "message": "b", "smtp": config{"to": "c@d.e"}},
		},
		{
			name: "a list of texts holds texts",
			uses: "send-message", config: config{"channel": config{"name": "a"}, "message": "b", "smtp": config{"to": []any{"c@d.e", 7}}},
			want: []string{"smtp.to[1]: expected a string, got the number 7"},
		},
		{
			name: "a field in another case is unknown",
			uses: "git-clear", config: config{"Path": "a"},
			want: []string{"path is required", `unknown field "Path"`},
		},
		{
			name: "null is as good as absent",
			uses: "git-push", config: config{"path": "a", "targetBranch": nil},
		},
		{name: "null is not enough for what is required", uses: "git-clear", config: config{"path": nil}, want: []string{"path is required"}},
		{
			name: "null is a value to set",
			uses: "yaml-update", config: config{"path": "a", "updates": []any{config{"key": "b", "value": nil}}},
		},
		{
			name: "a value to set must be given",
			uses: "yaml-update", config: config{"path": "a", "updates": []any{config{"key": "b"}}},
			want: []string{"updates[0].value is required"},
		},
		{
			name: "an unknown step suggests a known one",
			uses: "git-comit", want: []string{`unknown step "git-comit"`, `did you mean "git-commit"?`},
		},
		{name: "a fraction is no number of a pull request", uses: "git-merge-pr", config: config{"repoURL": repoURL, "prNumber": 1.5}, want: []string{"prNumber: expected an integer"}},
		{name: "numbers of pull requests begin at one", uses: "git-wait-for-pr", config: config{"repoURL": repoURL, "prNumber": 0}, want: []string{"prNumber must be at least 1"}},
		{name: "an interval must be a duration to its end", uses: "git-wait-for-pr", config: config{"repoURL": repoURL, "prNumber": 1, "pollInterval": "30sX"}, want: []string{"30sX"}},
		{name: "an interval is a Go duration", uses: "git-wait-for-pr", config: config{"repoURL": repoURL, "prNumber": 1, "pollInterval": "30s"}},
		{name: "only github is a provider", uses: "git-open-pr", config: config{"repoURL": repoURL, "sourceBranch": "a", "targetBranch": "b", "provider": "gitlab"}, want: []string{"only github"}},
		{name: "a repository has an owner and a name", uses: "git-open-pr", config: config{"repoURL": "https://github.com/acme", "sourceBranch": "a", "targetBranch": "b"}, want: []string{"OWNER/NAME"}},
		{name: "merge methods are known", uses: "git-merge-pr", config: config{"repoURL": repoURL, "prNumber": 1, "mergeMethod": "octopus"}, want: []string{"octopus"}},
		{name: "a tag is not forced by a push", uses: "git-push", config: config{"path": "a", "tag": "v1", "force": true}, want: []string{"force of git-tag"}},
		{name: "a tag goes to no branch", uses: "git-push", config: config{"path": "a", "tag": "v1", "targetBranch": "b"}, want: []string{"only one of targetBranch, generateTargetBranch and tag"}},
		{name: "names of tags are checked", uses: "git-tag", config: config{"path": "a", "tag": "v 1", "message": "m"}, want: []string{"not a tag name"}},
		{name: "a tag has a message", uses: "git-tag", config: config{"path": "a", "tag": "v1"}, want: []string{"message"}},
		{name: "Freight is no branch", uses: "git-clone", config: config{"repoURL": repoURL, "checkout": []any{config{"path": "a", "branch": "b", "fromFreight": true}}}, want: []string{"or fromFreight"}},
		{name: "an origin is that of Freight", uses: "git-clone", config: config{"repoURL": repoURL, "checkout": []any{config{"path": "a", "fromOrigin": config{"name": "web"}}}}, want: []string{"fromOrigin needs fromFreight"}},
		{name: "branch names are checked", uses: "git-push", config: config{"path": "a", "targetBranch": "a..b"}, want: []string{"not a branch name"}},
		{name: "compose-output needs a key", uses: "compose-output", config: config{}, want: []string{"at least one key"}},
		{name: "an image has one of tag and digest", uses: "kustomize-set-image", config: config{"path": "a", "images": []any{config{"image": "b", "newName": "c"}}}, want: []string{"images[0]: give exactly one of tag and digest"}},
		{
			name: "checkouts do not share a key, a path or a branch",
			uses: "git-clone", config: config{"repoURL": repoURL, "checkout": []any{
				config{"path": "a", "branch": "x"}, config{"path": "./a", "as": "a", "branch": "x"},
			}},
			want: []string{`"a" is the key of another checkout`, `path "./a" holds another checkout`, `branch "x" is checked out twice`},
		},
		{
			name: "a checkout has one ref",
			uses: "git-clone", config: config{"repoURL": repoURL, "checkout": []any{config{"path": "a", "branch": "x", "tag": "y"}}},
			want: []string{"only one of branch, commit and tag"},
		},
		{
			name: "sparse names directories inside",
			uses: "git-clone", config: config{"repoURL": repoURL, "checkout": []any{config{"path": "a", "sparse": []any{"../b"}}}},
			want: []string{`sparse "../b"`},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := reg.CheckConfig(tt.uses, tt.config)
			if len(tt.want) == 0 && err != nil {
				t.Errorf("unexpected error %v", err)
			}
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v does not say %q", err, want)
				}
			}
		})
	}
}
