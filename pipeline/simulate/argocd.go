package simulate

import "fmt"

// applications is what the steps of Argo CD output when the Applications that their
// config names are synced and healthy. Which ones a selector finds is for a script to say.
func applications(uses string, c map[string]any) map[string]any {
	entries, _ := c["apps"].([]any)
	apps, health := []any{}, map[string]any{}
	for _, entry := range entries {
		fields, _ := entry.(map[string]any)
		name, named := fields["name"].(string)
		if !named {
			continue
		}
		namespace, ok := fields["namespace"].(string)
		if !ok {
			namespace = "argocd"
		}
		page := fmt.Sprintf("https://argocd.example/applications/%s/%s", namespace, name)
		apps = append(apps, map[string]any{"name": name, "namespace": namespace, "url": page})
		health[namespace+"/"+name] = "Healthy"
	}
	out := map[string]any{"apps": apps}
	if uses == "argocd-wait" {
		out["healthStatus"] = health
	}
	return out
}
