package app

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline/reconcile"
	"github.com/kargo-app/kargo/pipeline/report"
)

const goodConfig = `apiVersion: kargo/v1
warehouses:
  - name: web
    subscriptions:
      - image: {repoURL: ghcr.io/acme/web}
stages:
  - name: test
    from: web
    autoPromote: true
    update: [{image: ghcr.io/acme/web, kustomize: env/test}]
  - name: gate
    from: test
  - name: prod
    from: gate
    update: [{image: ghcr.io/acme/web, kustomize: env/prod}]
`

// checked is the root's file as it was read.
func checked(file *kargofile.File, problems kargofile.Problems) reconcile.Checked {
	return reconcile.Checked{Path: configFile, File: file, Problems: problems}
}

func TestCheckOfIncludedFiles(t *testing.T) {
	t.Parallel()
	root, _ := kargofile.Parse([]byte(goodConfig), kargofile.Options{Repo: "gitops"})
	shop, _ := kargofile.Parse([]byte(goodConfig), kargofile.Options{Qualify: "shop"})
	good := reconcile.Checked{Path: "apps/shop/.kargo.yaml", File: shop}
	bad := reconcile.Checked{Path: "apps/a`b/.kargo.yaml", Problems: kargofile.Problems{{Line: 3, Severity: kargofile.Error, Message: "odd"}}}
	got := configCheck("c0ffee", checked(root, nil), good)
	if want := "`apps/shop/.kargo.yaml` declares the pipeline **shop** with 1 Warehouses and 3 Stages.\n"; got.Conclusion != "success" || !strings.Contains(got.Summary, want) {
		t.Errorf("%s, summary %q lacks %q", got.Conclusion, got.Summary, want)
	}
	got = configCheck("c0ffee", checked(root, nil), good, bad)
	if want := "This ``apps/a`b/.kargo.yaml`` cannot be used. The last valid one stays in force.\n\n- line 3, column 0: odd\n"; got.Conclusion != "failure" || !strings.Contains(got.Summary, want) {
		t.Errorf("%s, summary %q lacks %q", got.Conclusion, got.Summary, want)
	}
	if len(got.Annotations) != 1 || got.Annotations[0].Path != bad.Path || got.Title != "1 problem" {
		t.Errorf("title %q, annotations %+v", got.Title, got.Annotations)
	}
	for range 3000 {
		bad.Problems = append(bad.Problems, bad.Problems[0])
	}
	if got = configCheck("c0ffee", checked(root, nil), bad); len(got.Summary) > 65_535 || len(got.Annotations) > 500 {
		t.Errorf("summary of %d bytes, %d annotations", len(got.Summary), len(got.Annotations))
	}
}

func TestCheckOfAValidConfigDrawsThePipeline(t *testing.T) {
	t.Parallel()
	file, problems := kargofile.Parse([]byte(goodConfig), kargofile.Options{Repo: "gitops"})
	got := configCheck("c0ffee", checked(file, problems))
	want := report.CheckRun{
		Name: "kargo / config", SHA: "c0ffee", ExternalID: "config",
		Status: "completed", Conclusion: "success", Title: "Valid",
		Summary: "```mermaid\nflowchart LR\n  s0[\"test\"]\n  w1[\"web\"]\n  w1 --> s0\n  s2[\"gate\"]\n  s0 --> s2\n  s3[\"prod\"]\n  s2 --> s3\n```\n\n" +
			"| Stage | Takes Freight from | Promotion |\n|---|---|---|\n" +
			"| test | Warehouse web | automatic |\n| gate | test | none: control flow |\n| prod | gate | by `/promote prod` |\n\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("check (-want +got):\n%s", diff)
	}
}

func TestCheckOfAnInvalidConfigMarksEveryProblem(t *testing.T) {
	t.Parallel()
	src := strings.Replace(goodConfig, "from: web", "from: wbe", 1)
	src = strings.Replace(src, "repoURL: ghcr.io/acme/web", "repoURL: ghcr.io/acme/web, constrain: ^1", 1)
	file, problems := kargofile.Parse([]byte(src), kargofile.Options{Repo: "gitops"})
	got := configCheck("c0ffee", checked(file, problems))
	if got.Conclusion != "failure" || got.Title != fmt.Sprintf("%d problems", len(problems)) || len(problems) < 2 {
		t.Errorf("check = %s %q for %d problems", got.Conclusion, got.Title, len(problems))
	}
	if !strings.Contains(got.Summary, "The last valid one stays in force.") {
		t.Errorf("summary does not say what is in force:\n%s", got.Summary)
	}
	if len(got.Annotations) != len(problems) {
		t.Fatalf("%d annotations for %d problems", len(got.Annotations), len(problems))
	}
	for i, a := range got.Annotations {
		p := problems[i]
		if a.Path != ".kargo.yaml" || a.Line != p.Line || a.Column != p.Column || a.EndColumn != p.EndColumn || a.Level != "failure" {
			t.Errorf("annotation %d = %+v, problem %+v", i, a, p)
		}
		if p.Suggestion != "" && !strings.HasSuffix(a.Message, fmt.Sprintf("did you mean %q?", p.Suggestion)) {
			t.Errorf("annotation %d has no suggestion: %s", i, a.Message)
		}
	}
}

func TestCheckShowsWarningsOfAValidConfig(t *testing.T) {
	t.Parallel()
	file, _ := kargofile.Parse([]byte(goodConfig), kargofile.Options{Repo: "gitops"})
	got := configCheck("c0ffee", checked(file, kargofile.Problems{{Severity: kargofile.Warning, Message: "odd"}}))
	if got.Conclusion != "success" || got.Title != "1 problem" {
		t.Errorf("check = %s %q", got.Conclusion, got.Title)
	}
	want := []report.Annotation{{Path: ".kargo.yaml", Line: 1, Level: "warning", Title: "kargo", Message: "odd"}}
	if diff := cmp.Diff(want, got.Annotations); diff != "" {
		t.Errorf("annotations (-want +got):\n%s", diff)
	}
}

func TestCheckQuotesAHostileConfigHarmlessly(t *testing.T) {
	t.Parallel()
	names := []string{
		"]; click s0 href javascript:alert(1)", "x\n```\n# injected", "<img src=x>", "a|b", "@acme/everyone", "[x](https://evil.example)",
	}
	for _, name := range names {
		src := strings.ReplaceAll(goodConfig, "name: test", fmt.Sprintf("name: %q", name))
		file, problems := kargofile.Parse([]byte(src), kargofile.Options{Repo: "gitops"})
		if file != nil {
			t.Errorf("%q is accepted as the name of a Stage, and would be drawn", name)
			continue
		}
		summary := configCheck("c0ffee", checked(file, problems)).Summary
		for _, bad := range []string{"<img", "\n# injected", "](https://evil", "\n```"} {
			if strings.Contains(summary, bad) {
				t.Errorf("summary for %q holds %q:\n%s", name, bad, summary)
			}
		}
	}
}

func TestLargePipelineIsATableOnly(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("apiVersion: kargo/v1\nwarehouses:\n  - name: web\n    subscriptions: [{image: {repoURL: ghcr.io/acme/web}}]\nstages:\n")
	for i := range 20 {
		fmt.Fprintf(&b, "  - {name: stage-%d, from: web}\n", i)
	}
	file, problems := kargofile.Parse([]byte(b.String()), kargofile.Options{Repo: "gitops"})
	if file == nil {
		t.Fatal(problems)
	}
	got := diagram(file.Pipeline)
	if strings.Contains(got, "mermaid") || strings.Count(got, "\n| stage-") != 20 {
		t.Errorf("diagram of 21 nodes:\n%s", got)
	}
}
