package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/kargo-app/kargo/pipeline"
	"github.com/kargo-app/kargo/pipeline/jira"
	"github.com/kargo-app/kargo/pipeline/secret"
)

// JiraConfig configures jira.
type JiraConfig struct {
	Credentials    JiraCredentials    `json:"credentials" doc:"which secrets hold the address and the login"`
	CreateIssue    *JiraCreateIssue   `json:"createIssue,omitempty" doc:"creates an issue"`
	UpdateIssue    *JiraUpdateIssue   `json:"updateIssue,omitempty" doc:"changes an issue"`
	DeleteIssue    *JiraDeleteIssue   `json:"deleteIssue,omitempty" doc:"deletes an issue"`
	SearchIssue    *JiraSearchIssue   `json:"searchIssue,omitempty" doc:"finds an issue"`
	CommentOnIssue *JiraComment       `json:"commentOnIssue,omitempty" doc:"comments on an issue"`
	DeleteComment  *JiraDeleteComment `json:"deleteComment,omitempty" doc:"deletes a comment"`
	WaitForStatus  *JiraWaitForStatus `json:"waitForStatus,omitempty" doc:"waits until an issue has a status"`
}

// JiraCredentials name the secrets of a Jira.
type JiraCredentials struct {
	SecretName       string `json:"secretName,omitempty" doc:"what their names begin with: jira stands for JIRA_DOMAIN, JIRA_USERNAME and JIRA_PASSWORD"`
	SharedSecretName string `json:"sharedSecretName,omitempty" doc:"the same; one of the two"`
}

// JiraOutput is the output of jira.
type JiraOutput struct {
	Key       string          `json:"key,omitempty" doc:"of createIssue and searchIssue: key of the issue"`
	Issue     json.RawMessage `json:"issue,omitempty" doc:"of searchIssue: the issue as Jira describes it"`
	CommentID string          `json:"commentID,omitempty" doc:"of commentOnIssue: id of the comment"`
	lookup
}

const (
	jiraTimeout = 30 * time.Second
	// jiraAgain is when a Jira is asked again that does not say when.
	jiraAgain = 10 * time.Second
)

func jiraStep() Definition {
	return Define("jira", Remote, Doc{
		Secrets: true,
		Summary: `Works with issues of Jira, in the cloud or in a data center. Exactly one of ` + "`createIssue`, `updateIssue`, `deleteIssue`, " +
			"`searchIssue`, `commentOnIssue`, `deleteComment` and `waitForStatus`" + ` says what to do.

` + "`credentials.secretName: jira`" + ` stands for the secrets ` + "`JIRA_DOMAIN`" + ` (such as https://acme.atlassian.net),
` + "`JIRA_USERNAME`" + ` (in the cloud a mail address) and ` + "`JIRA_PASSWORD`" + ` (in the cloud an API token) of the repository, which
` + "`kargo secrets set`" + ` stores. Without the username the password is a personal access token of a data center.

` + "`createIssue`" + ` notes the key about the Freight, where ` + "`freightMetadata(name)['jira-issue-key']`" + ` finds it in later steps and in
the Stages that the Freight reaches next. Without ` + "`issueType`" + ` the issue is a Task.

` + "`description` and `body`" + ` are plain text in the cloud, and wiki text without mentions in a data center;
` + "`adfDescription` and `adfBody`" + ` are documents, which only the cloud has. A status is compared without regard to case and
reached by one transition of the workflow. A label that is added and removed is added. An assignee who hides the
mail address is found only if nobody else matches it.

How often: an issue gets the label ` + "`kargo-...`" + ` of its step, by which it is looked for before it is created, so that
the screen on which issues are created must have the field Labels. Jira finds issues in an index that lags behind,
usually by seconds: where an earlier attempt may have created the issue, the step looks again half a minute later before
it creates one; only if the index lags longer, and the server died just then, are there two. Issues are not found by
properties, as Jira indexes those of installed apps only. A comment carries a property that Jira reads without
an index: there is one, however often the step runs. What is gone already when a step runs again counts as deleted.

` + "`waitForStatus`" + ` asks every ` + "`pollInterval`" + `, and waits out faults of Jira. ` + "`searchIssue`" + ` fails if nothing is found, or more than
one without ` + "`expectMultiple`" + `; put what expressions bring into JQL in quotes.`,
		Example: `
uses: jira
as: ticket
config:
  credentials:
    secretName: jira
  createIssue:
    projectKey: OPS
    summary: Release ${{ ctx.targetFreight.headline }} into ${{ ctx.stage }}
    labels: ["stage-${{ ctx.stage }}"]
`,
	}, runJira)
}

// jiraAction is one thing to do.
type jiraAction interface {
	Validate() error
	run(ctx context.Context, env Env, client *jira.Client) (*JiraOutput, error)
}

// actions are those that are asked for, by field.
func (c JiraConfig) actions() map[string]jiraAction {
	all := map[string]jiraAction{}
	if c.CreateIssue != nil {
		all["createIssue"] = c.CreateIssue
	}
	if c.UpdateIssue != nil {
		all["updateIssue"] = c.UpdateIssue
	}
	if c.DeleteIssue != nil {
		all["deleteIssue"] = c.DeleteIssue
	}
	if c.SearchIssue != nil {
		all["searchIssue"] = c.SearchIssue
	}
	if c.CommentOnIssue != nil {
		all["commentOnIssue"] = c.CommentOnIssue
	}
	if c.DeleteComment != nil {
		all["deleteComment"] = c.DeleteComment
	}
	if c.WaitForStatus != nil {
		all["waitForStatus"] = c.WaitForStatus
	}
	return all
}

// Validate implements the rules beyond types.
func (c JiraConfig) Validate() error {
	var errs []error
	if (c.Credentials.SecretName == "") == (c.Credentials.SharedSecretName == "") {
		errs = append(errs, errors.New("credentials: want exactly one of secretName and sharedSecretName"))
	}
	actions := c.actions()
	if len(actions) != 1 {
		errs = append(errs, errors.New("want exactly one of createIssue, updateIssue, deleteIssue, searchIssue, commentOnIssue, deleteComment, waitForStatus"))
	}
	for field, action := range actions {
		if err := action.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("%s.%w", field, err))
		}
	}
	return errors.Join(errs...)
}

func runJira(ctx context.Context, env Env, c JiraConfig) (*JiraOutput, error) {
	client, err := c.client(ctx, env)
	if err != nil {
		return nil, err
	}
	for _, action := range c.actions() {
		out, err := action.run(ctx, env, client)
		return out, jiraFault(err)
	}
	return nil, nil
}

// client opens the Jira that the secrets name.
func (c JiraConfig) client(ctx context.Context, env Env) (*jira.Client, error) {
	if env.Web == nil {
		return nil, errNoWeb
	}
	name := c.Credentials.SecretName + c.Credentials.SharedSecretName
	var login jira.Login
	for _, s := range []struct {
		key      string
		dst      *string
		optional bool
	}{{"domain", &login.Domain, false}, {"username", &login.Username, true}, {"password", &login.Password, false}} {
		var err error
		*s.dst, err = env.secret(ctx, pipeline.SecretName(name, s.key))
		if s.optional && errors.Is(err, secret.ErrNotFound) {
			err = nil
		}
		if err != nil {
			return nil, err
		}
	}
	web, err := env.Web.Client(WebTerms{Timeout: jiraTimeout, MaxBody: jira.MaxAnswer})
	if err != nil {
		return nil, &PermanentError{err}
	}
	client, err := jira.New(login, web)
	if err != nil {
		return nil, &PermanentError{fmt.Errorf("secret %s: %w", pipeline.SecretName(name, "domain"), err)}
	}
	return client, nil
}

// jiraFault says which errors of Jira stay as they are, and which pass.
func jiraFault(err error) error {
	said, refused := errors.AsType[*jira.Error](err)
	_, nobody := errors.AsType[*jira.NoUserError](err)
	_, noWay := errors.AsType[*jira.NoTransitionError](err)
	switch {
	case refused && (said.Status == http.StatusTooManyRequests || said.Status >= 500):
		return &pipeline.TransientError{RetryAfter: max(said.RetryAfter, jiraAgain), Err: err}
	case refused, errors.Is(err, ErrRefusedAddress), errors.Is(err, jira.ErrNoDocuments):
		return &PermanentError{err}
	case nobody, noWay:
		return &FailedError{Err: err, Terminal: true}
	}
	return err
}
