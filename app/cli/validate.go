package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/manifest/kargofile"
)

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
			if err := checkOutput(output, "text", "json"); err != nil {
				return err
			}
			name := defaultFile
			if len(a) > 0 {
				name = a[0]
			}
			return e.validate(name, expand, output == "json")
		},
	}
	cmd.Flags().BoolVar(&expand, "expand", false, "print the canonical form, with every shorthand expanded")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func (e *env) validate(name string, expand, asJSON bool) error {
	s, err := e.load(name)
	if err != nil {
		return err
	}
	var canonical []byte
	if s.file != nil && expand {
		if canonical, err = kargofile.Expand(*s.file); err != nil {
			return fmt.Errorf("expand %s: %w", s.name, err)
		}
	}
	if asJSON {
		return e.validateJSON(s, canonical)
	}
	if s.file == nil {
		return e.invalid(s)
	}
	if err := s.problems.Render(e.errOut, s.name, s.data); err != nil {
		return err
	}
	if expand {
		_, err = e.out.Write(canonical)
		return err
	}
	p := s.file.Pipeline
	_, err = fmt.Fprintf(e.out, "%s: valid: %s, %s\n", printable(s.name), count(len(p.Warehouses), "Warehouse"), count(len(p.Stages), "Stage"))
	return err
}

func (e *env) validateJSON(s source, canonical []byte) error {
	result := struct {
		File     string             `json:"file"`
		Valid    bool               `json:"valid"`
		Problems kargofile.Problems `json:"problems"`
		Expanded string             `json:"expanded,omitempty"`
	}{File: s.name, Valid: s.file != nil, Problems: s.problems, Expanded: string(canonical)}
	if err := e.printJSON(result); err != nil {
		return err
	}
	if s.file == nil {
		return &exitError{code: exitInvalid, err: s.problems, quiet: true}
	}
	return nil
}
