package expr_test

import (
	"errors"
	"fmt"

	"github.com/kargo-app/kargo/pipeline/expr"
)

func ExampleEvaluate() {
	env := expr.Env{
		Vars: map[string]any{"repo": "ghcr.io/acme/web"},
		Freight: []expr.Freight{{
			Origin: expr.Origin{Kind: "Warehouse", Name: "web"},
			Images: []expr.Image{{RepoURL: "ghcr.io/acme/web", Tag: "1.20"}},
		}},
	}
	for _, template := range []string{
		"1.20",
		"${{ imageFrom(vars.repo).Tag }}",
		"${{ quote(imageFrom(vars.repo).Tag) }}",
		"promote ${{ vars.repo }}:${{ imageFrom(vars.repo).Tag }}",
	} {
		value, err := expr.Evaluate(template, env)
		fmt.Printf("%#v %v\n", value, err)
	}
	// Output:
	// "1.20" <nil>
	// 1.2 <nil>
	// "1.20" <nil>
	// "promote ghcr.io/acme/web:1.20" <nil>
}

func ExampleBool() {
	env := expr.Env{
		Allow: expr.AllowStatus,
		Steps: []expr.StepStatus{{Alias: "commit", Phase: "Skipped"}},
	}
	run, err := expr.Bool("${{ success() && status('commit') != 'Skipped' }}", env)
	fmt.Println(run, err)
	_, err = expr.Bool("true", env)
	fmt.Println(err)
	// Output:
	// false <nil>
	// condition "true" is plain text: write ${{ true }}
}

func ExampleCheck() {
	template := "tag:\n  ${{ imgeFrom('ghcr.io/acme/web').Tag }}"
	var fault *expr.Error
	if errors.As(expr.Check(template), &fault) {
		line, column := expr.Position(template, fault.Offset)
		fmt.Printf("%d:%d: %s\n", line, column, fault.Message)
	}
	// Output:
	// 2:7: there is no function imgeFrom(): did you mean imageFrom()?
}

func ExampleReferences() {
	references, err := expr.References("${{ outputs.build.commit + vars.suffix }}")
	for _, r := range references {
		fmt.Println(r.Root, r.Path, r.Offset)
	}
	fmt.Println(err)
	// Output:
	// outputs [build commit] 4
	// vars [suffix] 27
	// <nil>
}
