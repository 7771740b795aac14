package registryhook

import "strings"

// readECR reads an "ECR Image Action" as EventBridge sends it to an API destination.
func readECR(_ Receiver, req request) ([]source, error) {
	p, err := decode[struct {
		Source     string `json:"source"`
		DetailType string `json:"detail-type"`
		Account    string `json:"account"`
		Region     string `json:"region"`
		Detail     struct {
			Result     string `json:"result"`
			ActionType string `json:"action-type"`
			Repository string `json:"repository-name"`
		} `json:"detail"`
	}](req.body)
	if err != nil || p.DetailType == "" {
		return nil, errForm
	}
	var s sources
	if p.Source != "aws.ecr" || p.Detail.ActionType != "PUSH" || p.Detail.Result != "SUCCESS" || p.Account == "" || p.Region == "" {
		return s, nil
	}
	host := p.Account + ".dkr.ecr." + p.Region + ".amazonaws.com"
	if strings.HasPrefix(p.Region, "cn-") {
		host += ".cn"
	}
	s.oci(join(host, p.Detail.Repository))
	return s, nil
}
