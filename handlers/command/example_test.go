package command_test

import (
	"fmt"

	"github.com/kargo-app/kargo/handlers/command"
)

func ExampleParse() {
	r := command.Parse("Looks good, thanks!\n\n/promote prod web@1.9.3 -- release day\n")
	for _, c := range r.Commands {
		fmt.Println(c.Verb, c.Stages, c.Freight, c.Reason)
	}
	// Output:
	// promote [prod] web@1.9.3 release day
}

func ExampleParse_problem() {
	r := command.Parse("/promote prod --dryrun")
	fmt.Println(r.Err())
	// Output:
	// `/promote` has no flag `--dryrun`; did you mean `--dry-run`? (usage: `/promote <stage...> [freight] [--dry-run] [--downstream]`)
}

func ExampleCommand_Resolve() {
	r := command.Parse("/promote prod happy-fox")
	c, err := r.Commands[0].Resolve([]string{"test", "prod"})
	fmt.Println(c.Stages, c.Freight.Kind, c.Freight, err)
	// Output:
	// [prod] alias happy-fox <nil>
}
