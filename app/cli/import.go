package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/manifest/kargocrd"
	"github.com/kargo-app/kargo/manifest/kargofile"
	"github.com/kargo-app/kargo/pipeline/step"
)

// importOptions are the flags of kargo import.
type importOptions struct {
	project, write, output string
	force                  bool
}

func importCommand(e *env) *cobra.Command {
	var o importOptions
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Turn the manifests of Kargo into a .kargo.yaml",
		Long: "Reads the Kubernetes manifests of Kargo (Project, ProjectConfig, Warehouse, Stage, PromotionTask,\n" +
			"ClusterPromotionTask, AnalysisTemplate, MessageChannel) from files, directories or standard input (-) and prints the\n" +
			".kargo.yaml that says the same. Whatever cannot be carried over is listed with the reason on standard error.\n" +
			"Exit code 0 means that the result is valid, 3 that it needs a hand; what is missing is listed.",
		Example: "  kubectl get -n shop projectconfigs,warehouses,stages,promotiontasks,analysistemplates -o yaml | kargo import - --write .kargo.yaml",
		Args:    args(cobra.MinimumNArgs(1)),
		RunE: func(_ *cobra.Command, a []string) error {
			if err := checkOutput(o.output, "text", "json"); err != nil {
				return err
			}
			return e.importManifests(a, o)
		},
	}
	cmd.Flags().StringVar(&o.project, "project", "", "the Project to read, when the manifests hold several")
	cmd.Flags().StringVar(&o.write, "write", "", "write the result to this file rather than to standard output")
	cmd.Flags().BoolVar(&o.force, "force", false, "overwrite the file that --write names")
	cmd.Flags().StringVarP(&o.output, "output", "o", "text", "text or json")
	return cmd
}

func (e *env) importManifests(names []string, o importOptions) error {
	manifests, err := e.manifests(names)
	if err != nil {
		return err
	}
	steps, err := step.NewRegistry(step.Builtin()...)
	if err != nil {
		return err
	}
	res, err := kargocrd.Convert(manifests, kargocrd.Options{Project: o.project, Steps: steps.Names(), Secrets: steps.TakingSecrets()})
	if err != nil {
		return err
	}
	_, problems := kargofile.Parse(res.YAML, kargofile.Options{Repo: res.Project, Steps: steps})
	if o.write != "" {
		if err := writeNew(o.write, res.YAML, o.force); err != nil {
			return err
		}
	}
	if o.output == "json" {
		return e.importJSON(res, problems)
	}
	if o.write == "" {
		if _, err := e.out.Write(res.YAML); err != nil {
			return err
		}
	}
	return e.importReport(res, problems, o.write)
}

// importReport tells what was read, lost, and needs a hand.
func (e *env) importReport(res kargocrd.Result, problems kargofile.Problems, written string) error {
	var kinds []string
	for kind, n := range res.Read {
		kinds = append(kinds, count(n, kind))
	}
	slices.Sort(kinds)
	var b strings.Builder
	fmt.Fprintf(&b, "Read %s.\n", strings.Join(kinds, ", "))
	if len(res.Losses) > 0 {
		fmt.Fprintf(&b, "\nNot carried over, or carried over differently (%d):\n", len(res.Losses))
		for _, l := range res.Losses {
			fmt.Fprintf(&b, "  %s\n", printable(l.String()))
		}
	}
	name := written
	if name == "" {
		name = "the result"
	}
	if problems.HasErrors() {
		fmt.Fprintf(&b, "\nNeeds a hand before it is valid:\n")
	} else {
		fmt.Fprintf(&b, "\n%s is valid. Next: kargo plan\n", printable(name))
	}
	if _, err := fmt.Fprint(e.errOut, b.String()); err != nil {
		return err
	}
	if err := problems.Render(e.errOut, displayName(name), res.YAML); err != nil {
		return err
	}
	if problems.HasErrors() {
		return &exitError{code: exitInvalid, err: problems, quiet: true}
	}
	return nil
}

func (e *env) importJSON(res kargocrd.Result, problems kargofile.Problems) error {
	err := e.printJSON(struct {
		Project  string             `json:"project"`
		Read     map[string]int     `json:"read"`
		YAML     string             `json:"yaml"`
		Losses   []kargocrd.Loss    `json:"losses"`
		Problems kargofile.Problems `json:"problems"`
	}{res.Project, res.Read, string(res.YAML), res.Losses, problems})
	if err == nil && problems.HasErrors() {
		return &exitError{code: exitInvalid, err: problems, quiet: true}
	}
	return err
}

// manifests reads files, and of directories all that look like manifests.
func (e *env) manifests(names []string) ([]kargocrd.Manifest, error) {
	var all []kargocrd.Manifest
	read := func(name string) error {
		data, err := e.readFile(name)
		all = append(all, kargocrd.Manifest{Name: displayName(name), Data: data})
		return err
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if name == standardInput || err == nil && !info.IsDir() {
			if err := read(name); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		err = filepath.WalkDir(name, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)) {
				return err
			}
			return read(path)
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// writeNew writes a file that does not exist yet, or any when forced.
func writeNew(name string, data []byte, force bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if force {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	}
	f, err := os.OpenFile(name, flags, 0o644) //nolint:gosec // a file of the repository, for everybody to read
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already; --force overwrites it", name)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
