package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline/step"
)

const defaultFile = ".kargo.yaml"

func validateCommand(e *env) *cobra.Command {
	var expand bool
	var output string
	cmd := &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check a .kargo.yaml",
		Long: "Checks FILE (default .kargo.yaml, - for standard input) and reports every problem with its line and column.\n" +
			"Exit code 0 means valid, 3 invalid.",
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, a []string) error {
			name := defaultFile
			if len(a) > 0 {
				name = a[0]
			}
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			return e.validate(name, expand, output == "json")
		},
	}
	cmd.Flags().BoolVar(&expand, "expand", false, "print the canonical form, with every shorthand expanded")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func (e *env) validate(name string, expand, asJSON bool) error {
	data, file, problems, err := e.load(name)
	if err != nil {
		return err
	}
	if asJSON {
		if err := e.validateJSON(name, file, problems, expand); err != nil {
			return err
		}
	} else if err := problems.Render(e.errOut, name, data); err != nil {
		return err
	}
	if file == nil {
		return &exitError{code: exitInvalid, err: problems, quiet: true}
	}
	switch {
	case asJSON:
		return nil
	case expand:
		canonical, err := kargofile.Expand(*file)
		if err != nil {
			return err
		}
		_, err = e.out.Write(canonical)
		return err
	}
	_, err = fmt.Fprintf(e.out, "%s: valid: %d Warehouses, %d Stages\n", name, len(file.Pipeline.Warehouses), len(file.Pipeline.Stages))
	return err
}

func (e *env) validateJSON(name string, file *kargofile.File, problems kargofile.Problems, expand bool) error {
	result := struct {
		File     string             `json:"file"`
		Valid    bool               `json:"valid"`
		Problems kargofile.Problems `json:"problems"`
		Expanded string             `json:"expanded,omitempty"`
	}{File: name, Valid: file != nil, Problems: problems}
	if expand && file != nil {
		canonical, err := kargofile.Expand(*file)
		if err != nil {
			return err
		}
		result.Expanded = string(canonical)
	}
	return e.printJSON(result)
}

// load reads and parses a .kargo.yaml. The file is nil when the problems make it
// unusable.
func (e *env) load(name string) ([]byte, *kargofile.File, kargofile.Problems, error) {
	data, err := e.readFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil, fmt.Errorf("%w\nrun kargo in the repository's root, or name the file", err)
	}
	if err != nil {
		return nil, nil, nil, err
	}
	steps, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		return nil, nil, nil, err
	}
	file, problems := kargofile.Parse(data, kargofile.Options{Repo: pipelineNameFor(name), Steps: steps})
	return data, file, problems, nil
}

// loadValid is load for commands that need a valid file; problems are printed.
func (e *env) loadValid(name string) (*kargofile.File, error) {
	data, file, problems, err := e.load(name)
	if err != nil {
		return nil, err
	}
	if file == nil {
		if err := problems.Render(e.errOut, name, data); err != nil {
			return nil, err
		}
		return nil, &exitError{code: exitInvalid, err: problems, quiet: true}
	}
	return file, nil
}

// pipelineNameFor is the name of a pipeline that gives none: its directory's, as
// the server takes the repository's.
func pipelineNameFor(file string) string {
	abs, err := filepath.Abs(file)
	if err != nil || file == "-" {
		return "pipeline"
	}
	return filepath.Base(filepath.Dir(abs))
}

func (e *env) printJSON(v any) error {
	enc := json.NewEncoder(e.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

func checkOutput(got string, valid ...string) error {
	for _, v := range valid {
		if got == v {
			return nil
		}
	}
	return usageErrorf("--output %q: expected one of %v", got, valid)
}
