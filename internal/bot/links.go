package bot

import (
	"slices"

	"briefingbot/internal/briefing"
)

// WithLinkStates is a publisher's blocks with, behind every link, whether anybody
// has confirmed it. It does not change them.
func WithLinkStates(blocks []briefing.Block) []briefing.Block {
	out := make([]briefing.Block, len(blocks))
	for i, block := range blocks {
		switch block := block.(type) {
		case briefing.Paragraph:
			out[i] = briefing.Paragraph{Text: withLinkState(block.Text)}
		case briefing.List:
			list := briefing.List{Items: slices.Clone(block.Items)}
			for j := range list.Items {
				list.Items[j].Text = withLinkState(list.Items[j].Text)
			}
			out[i] = list
		default:
			out[i] = block
		}
	}
	return out
}

func withLinkState(t briefing.Text) briefing.Text {
	var out briefing.Text
	for i, span := range t {
		out = append(out, span)
		// A link with emphasis in it is several spans.
		if span.Link == nil || i+1 < len(t) && t[i+1].Link == span.Link {
			continue
		}
		state := " ⚠️ not confirmed"
		switch {
		case !span.Link.ConfirmedOn.IsZero():
			state = " (link confirmed " + span.Link.ConfirmedOn.Format("2 January 2006") + ")"
		case span.Link.Edition != "":
			state = " ⚠️ not confirmed (link from the " + span.Link.Edition + ")"
		}
		out = append(out, briefing.Span{Text: state, Italic: true, Ours: true})
	}
	return out
}
