package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/pipeline/simulate"
)

// scenarioSuffix is what the names of scenarios end in; only files that are named
// on the command line may be called otherwise.
const scenarioSuffix = ".sim.yaml"

func simulateCommand(e *env) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "simulate SCENARIO...",
		Short: "Run scenarios: unit tests of a pipeline",
		Long: "Plays scenarios, files that say what a pipeline starts with, what happens, and what must come of it, on a clock of\n" +
			"their own. A directory stands for all files in and below it whose names end in " + scenarioSuffix + ".\n" +
			"Nothing is read or changed outside. pipeline/simulate/README.md documents the form of a scenario.\n" +
			"Exit code 0 means that everything holds, 1 that an expectation does not, 3 that a scenario is invalid.",
		Args: args(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			return e.simulate(cmd.Context(), a, output == "json")
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json; json holds every decision")
	return cmd
}

func (e *env) simulate(ctx context.Context, names []string, asJSON bool) error {
	files, err := scenarios(names)
	if err != nil {
		return err
	}
	loaded, invalid, err := e.loadScenarios(files)
	if err != nil {
		return err
	}
	results := []*simulate.Result{}
	failed := 0
	for _, sc := range loaded {
		r, err := sc.Run(ctx, simulate.Options{Verdicts: asJSON})
		if err != nil {
			return err
		}
		results = append(results, r)
		if len(r.Failures()) > 0 {
			failed++
		}
		if !asJSON {
			if err := r.Write(e.out); err != nil {
				return err
			}
		}
	}
	if asJSON {
		err = e.printJSON(struct {
			Scenarios []*simulate.Result `json:"scenarios"`
		}{results})
	} else {
		err = e.summary(len(loaded), failed, invalid)
	}
	switch {
	case err != nil:
		return err
	case invalid > 0:
		return &exitError{code: exitInvalid, err: fmt.Errorf("%s invalid", count(invalid, "scenario")), quiet: true}
	case failed > 0:
		return &exitError{code: exitFailure, err: fmt.Errorf("%s failed", count(failed, "scenario")), quiet: true}
	}
	return nil
}

func (e *env) summary(played, failed, invalid int) error {
	line := count(played, "scenario") + ": " + fmt.Sprintf("%d ok, %d failed", played-failed, failed)
	if invalid > 0 {
		line += fmt.Sprintf("; %d invalid", invalid)
	}
	_, err := fmt.Fprintln(e.out, line)
	return err
}

// scenarios finds the files that names stand for, each once and in order.
func scenarios(names []string) ([]string, error) {
	var files []string
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, filepath.ToSlash(name))
			continue
		}
		found := 0
		err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && strings.HasSuffix(path, scenarioSuffix) {
				files = append(files, filepath.ToSlash(path))
				found++
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if found == 0 {
			return nil, fmt.Errorf("no file below %s ends in %s", name, scenarioSuffix)
		}
	}
	var once []string
	for _, f := range files {
		if !slices.Contains(once, f) {
			once = append(once, f)
		}
	}
	return once, nil
}

// loadScenarios reads all scenarios, so that what is wrong with any of them shows
// at once.
func (e *env) loadScenarios(files []string) (loaded []*simulate.Scenario, invalid int, err error) {
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, 0, err
		}
		sc, err := simulate.Load(file, data, os.ReadFile)
		var problems *simulate.InvalidError
		switch {
		case errors.As(err, &problems):
			invalid++
			if err := problems.Render(e.errOut); err != nil {
				return nil, 0, err
			}
		case err != nil:
			return nil, 0, err
		default:
			loaded = append(loaded, sc)
		}
	}
	return loaded, invalid, nil
}
