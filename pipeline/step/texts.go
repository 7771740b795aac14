package step

import "encoding/json"

// Texts is a list of texts, of which one may stand by itself.
type Texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *Texts) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*t = nil
		if one != "" {
			*t = Texts{one}
		}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(t))
}
