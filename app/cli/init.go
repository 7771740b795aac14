package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kargo-app/kargo/manifest/scaffold"
)

func initCommand(e *env) *cobra.Command {
	var force, show bool
	cmd := &cobra.Command{
		Use:   "init [DIR]",
		Short: "Propose a .kargo.yaml for a repository",
		Long: "Looks at the repository in DIR (default the working directory) for Kustomize overlays, Helm values,\n" +
			"Argo CD Applications and the GitHub Environments that workflows name, and writes a commented .kargo.yaml\n" +
			"that is valid and says what it decided. A file that exists is left alone.",
		Args: args(cobra.MaximumNArgs(1)),
		RunE: func(_ *cobra.Command, a []string) error {
			dir := "."
			if len(a) > 0 {
				dir = a[0]
			}
			return e.propose(dir, show, force)
		},
	}
	cmd.Flags().BoolVar(&show, "print", false, "print the file instead of writing it")
	cmd.Flags().BoolVar(&force, "force", false, "overwrite a .kargo.yaml that exists")
	return cmd
}

func (e *env) propose(dir string, show, force bool) error {
	found, err := scaffold.Look(os.DirFS(dir))
	if err != nil {
		return fmt.Errorf("look at %s: %w", dir, err)
	}
	file := found.Write()
	if show {
		_, err := e.out.Write(file)
		return err
	}
	name := filepath.Join(dir, defaultFile)
	if err := writeNew(name, file, force); err != nil {
		return err
	}
	for _, a := range found.Apps {
		what := a.Name
		if what == "" {
			what = "one application"
		}
		if _, err := fmt.Fprintf(e.out, "found %s: %s, %s\n", printable(what), count(len(a.Images), "image"), count(len(a.Stages), "environment")); err != nil {
			return err
		}
	}
	if len(found.Apps) == 0 {
		if _, err := fmt.Fprintln(e.out, "found nothing to promote; the file is an example to start from"); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(e.out, "wrote %s\nnext: read it, then kargo validate and kargo plan\n", printable(name))
	return err
}
