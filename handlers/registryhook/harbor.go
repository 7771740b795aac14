package registryhook

// Names of the event that something was pushed, in Harbor's two payload formats.
const (
	harborPush      = "PUSH_ARTIFACT"
	harborPushCloud = "harbor.artifact.pushed"
)

// readHarbor reads an event of Harbor, in its default format or as a CloudEvent.
func readHarbor(_ Receiver, req request) ([]source, error) {
	type data struct {
		Resources []struct {
			ResourceURL string `json:"resource_url"`
		} `json:"resources"`
	}
	p, err := decode[struct {
		Type      string `json:"type"`
		EventData data   `json:"event_data"`
		Data      data   `json:"data"`
	}](req.body)
	if err != nil || p.Type == "" {
		return nil, errForm
	}
	var s sources
	switch p.Type {
	case harborPush:
		for _, r := range p.EventData.Resources {
			s.oci(r.ResourceURL)
		}
	case harborPushCloud:
		for _, r := range p.Data.Resources {
			s.oci(r.ResourceURL)
		}
	}
	return s, nil
}
