package demo

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"github.com/kargo-app/kargo/app/forge"
)

// The example organisation.
const (
	orgName      = "acme"
	repoName     = "config"
	configRepo   = orgName + "/" + repoName
	sourceRepo   = orgName + "/web"
	packageName  = "web"
	imageName    = orgName + "/" + packageName
	branch       = "main"
	firstVersion = "1.0.0"
	nextVersion  = "1.1.0"
	// check is the check that the default branch requires, reported by ciApp.
	check = "manifests"
	ciApp = "ci"
)

// person is somebody of the example organisation.
type person struct {
	Login, Role string
}

// people are those whose part can be played; what each may do on a pull request
// follows from their role on the repository.
var people = [...]person{{"ana", "maintain"}, {"ben", "write"}, {"carl", "read"}}

func personBy(login string) (person, bool) {
	for _, p := range people {
		if p.Login == login {
			return p, true
		}
	}
	return person{}, false
}

// writes reports whether the person can merge, close and hold.
func (p person) writes() bool { return p.Role == "write" || p.Role == "maintain" }

//go:embed all:example
var example embed.FS

// exampleFiles returns the GitOps repository, path to content, for an image
// repository such as "127.0.0.1:5000/acme/web".
func exampleFiles(image string) (map[string]string, error) {
	files := map[string]string{}
	err := fs.WalkDir(example, "example", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := example.ReadFile(path)
		if err != nil {
			return err
		}
		files[strings.TrimPrefix(path, "example/")] = strings.ReplaceAll(string(data), "IMAGE", image)
		return nil
	})
	return files, err
}

// seed fills the simulator: the organisation, its people, its repositories, and
// the App installed on it.
func seed(f *forge.Server, image string) error {
	files, err := exampleFiles(image)
	if err != nil {
		return fmt.Errorf("read example repository: %w", err)
	}
	var members []string
	for _, p := range people {
		members = append(members, p.Login)
	}
	f.CreateOrg(orgName, members...)
	for _, r := range []forge.RepoOptions{
		{Owner: orgName, Name: repoName, DefaultBranch: branch, Files: files},
		{Owner: orgName, Name: packageName, DefaultBranch: branch, Files: map[string]string{"README.md": "# web\n\nThe application.\n"}},
	} {
		if err := f.CreateRepo(r); err != nil {
			return err
		}
		for _, p := range people {
			if err := f.SetRole(r.Owner+"/"+r.Name, p.Login, p.Role); err != nil {
				return err
			}
		}
	}
	if err := f.ProtectBranch(configRepo, branch, forge.Protection{RequiredChecks: []string{check}}); err != nil {
		return err
	}
	if _, err := f.Install(orgName); err != nil {
		return err
	}
	return nil
}
