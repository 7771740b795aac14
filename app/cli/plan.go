package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/pipeline"
)

type planOptions struct {
	file, stage, freight, output string
}

func planCommand(e *env) *cobra.Command {
	var o planOptions
	cmd := &cobra.Command{
		Use:   "plan [--stage STAGE] [--freight FREIGHT]",
		Short: "Show what would be promoted where, with the exact diff",
		Long: "Discovers artifacts now and runs the steps of every Stage, or of one, on the files at HEAD of the clone around FILE.\n" +
			"FREIGHT is an alias, an id prefix, or name@version (web@1.9.3) of an artifact that discovery finds; default is the newest.\n" +
			"Nothing is changed, neither here nor anywhere else. Exit code 1 means that the steps of a Stage would fail." + environmentHelp,
		Args: args(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkOutput(o.output, "text", "json"); err != nil {
				return err
			}
			return e.plan(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVarP(&o.file, "file", "f", defaultFile, "the .kargo.yaml to read, - for standard input")
	cmd.Flags().StringVar(&o.stage, "stage", "", "plan for this Stage only")
	cmd.Flags().StringVar(&o.freight, "freight", "", "plan for this Freight instead of the newest")
	cmd.Flags().StringVarP(&o.output, "output", "o", "text", "text or json")
	return cmd
}

func (e *env) plan(ctx context.Context, o planOptions) error {
	f, err := e.loadValid(o.file)
	if err != nil {
		return err
	}
	p := f.Pipeline
	stages := p.Stages
	if o.stage != "" {
		s, ok := p.Stage(o.stage)
		if !ok {
			return pipeline.UnknownStage(p, o.stage)
		}
		stages = []pipeline.Stage{s}
	}
	local, err := e.openLocal(ctx, o.file)
	if err != nil {
		return err
	}
	pl := &planner{p: p, local: local, now: time.Now().UTC()}
	relevant := upstream(p, stages)
	if err := pl.choose(ctx, origins(p, relevant), o.freight); err != nil {
		return e.hint(err)
	}
	if err := pl.preview(ctx, relevant); err != nil {
		return err
	}
	result, err := pl.result(ctx, stages)
	if err != nil {
		return err
	}
	if o.output == "json" {
		err = e.printJSON(result)
	} else {
		err = result.write(e.out)
	}
	return errors.Join(err, result.err())
}

// upstream returns the given Stages and all that Freight must pass to reach
// them, in file order.
func upstream(p pipeline.Pipeline, stages []pipeline.Stage) []pipeline.Stage {
	needed := map[string]bool{}
	var visit func(pipeline.Stage)
	visit = func(s pipeline.Stage) {
		if needed[s.Name] {
			return
		}
		needed[s.Name] = true
		for _, req := range s.Requests {
			for _, name := range req.Stages {
				if up, ok := p.Stage(name); ok {
					visit(up)
				}
			}
		}
	}
	for _, s := range stages {
		visit(s)
	}
	return slices.DeleteFunc(slices.Clone(p.Stages), func(s pipeline.Stage) bool { return !needed[s.Name] })
}

// origins returns the Warehouses that Stages take Freight from, in file order.
func origins(p pipeline.Pipeline, stages []pipeline.Stage) []pipeline.Warehouse {
	return slices.DeleteFunc(slices.Clone(p.Warehouses), func(w pipeline.Warehouse) bool {
		return !slices.ContainsFunc(stages, func(s pipeline.Stage) bool {
			_, asked := s.Request(w.Name)
			return asked
		})
	})
}

// err is nil unless the steps of a Stage would fail.
func (r planResult) err() error {
	failing := 0
	for _, s := range r.Stages {
		if s.Action == actionFail {
			failing++
		}
	}
	if failing == 0 {
		return nil
	}
	return fmt.Errorf("the steps of %s would fail", count(failing, "Stage"))
}
