package pipeline_test

import (
	"testing"

	"github.com/kargo-app/kargo/pipeline"
)

func TestSecretName(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, key, want string }{
		{"jira-credentials", "password", "JIRA_CREDENTIALS_PASSWORD"},
		{"smtp", "apiKey", "SMTP_APIKEY"},
		{"1password", "x.y", "_1PASSWORD_X_Y"},
		{"api-token", "", "API_TOKEN"},
		{"", "", ""},
	} {
		if got := pipeline.SecretName(tt.name, tt.key); got != tt.want {
			t.Errorf("%s, %s: %s, want %s", tt.name, tt.key, got, tt.want)
		}
	}
}
