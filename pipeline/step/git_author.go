package step

import (
	"fmt"
	"strings"

	"github.com/kargo-app/kargo/pipeline/tree"
)

// Author is who a commit is attributed to.
type Author struct {
	Name       string `json:"name" doc:"name"`
	Email      string `json:"email" doc:"e-mail address"`
	SigningKey string `json:"signingKey,omitempty" doc:"no effect: the Git host signs what it can"`
}

// person is nil for nobody.
func (a *Author) person() *tree.Person {
	if a == nil {
		return nil
	}
	return &tree.Person{Name: a.Name, Email: a.Email}
}

// asCoAuthor names an author in a trailer, for commits that are made in another
// name. What would break the line is left out.
func asCoAuthor(message string, author *tree.Person) string {
	clean := strings.NewReplacer("\n", " ", "\r", " ", "<", "", ">", "")
	return fmt.Sprintf("%s\nCo-authored-by: %s <%s>\n", strings.TrimRight(message, "\n"), clean.Replace(author.Name), clean.Replace(author.Email))
}
