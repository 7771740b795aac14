package e2e_test

import (
	"fmt"
	"strings"
)

// kustomized is a repository in which every Stage takes images from the one
// before it by itself, with one Kustomization each.
func kustomized(stages ...string) map[string]string {
	var b strings.Builder
	b.WriteString("apiVersion: kargo/v1\nwarehouses:\n  - name: web\n    subscriptions:\n      - image: {repoURL: IMAGE}\nstages:\n")
	files := map[string]string{}
	from := "web"
	for _, s := range stages {
		fmt.Fprintf(&b, "  - name: %s\n    from: %s\n    autoPromote: true\n    update:\n      - {image: IMAGE, kustomize: env/%s}\n", s, from, s)
		files["env/"+s+"/kustomization.yaml"] = "images:\n  - name: IMAGE\n    newTag: 1.0.0\n"
		from = s
	}
	files[".kargo.yaml"] = b.String()
	return files
}

// holds says what is wrong unless a Stage's Kustomization on main has a version.
func (w *world) holds(stage, version string) error {
	content, err := w.File(gitops, "main", "env/"+stage+"/kustomization.yaml")
	if err != nil {
		return err
	}
	if !strings.Contains(content, "newTag: "+version+"\n") {
		return fmt.Errorf("%s holds %q", stage, content)
	}
	return nil
}

// settled waits until the first version, which the files hold already, is
// verified in the last Stage, so that what comes next starts from rest.
func (w *world) settled(last string) {
	w.tb.Helper()
	w.must("start from rest", func() error {
		if !strings.Contains(w.log.String(), `"msg":"freight verified","repo":"`+gitops+`","stage":"`+last+`"`) {
			return fmt.Errorf("nothing is verified in %s", last)
		}
		return nil
	})
	if err := w.WaitDelivered(w.tb.Context()); err != nil {
		w.tb.Fatal(err)
	}
}
