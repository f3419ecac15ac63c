package content

import (
	"strings"

	"briefingbot/internal/briefing"
)

// general is what people call a section of each kind, in any briefing. Word forms
// need no entry of their own: the index knows them.
var general = map[briefing.Kind][]string{
	briefing.Context: {"background", "introduction", "intro", "overview", "summary", "audit", "review", "about this briefing",
		"what is this about", "where is this from", "why this briefing"},
	briefing.Definition: {"definition", "define", "meaning", "what is", "what is it", "what does it mean", "what counts",
		"explain", "reminder", "types", "forms"},
	briefing.Impact: {"impact", "effect", "effects", "affect", "harm", "consequences", "lived experience"},
	briefing.Strengths: {"strengths", "strong points", "worked well", "works well", "went well", "going well", "good", "good practice", "best practice",
		"positives", "success", "successes", "achievements", "done well", "did well", "doing well", "doing right", "praise", "pros", "findings"},
	briefing.Worries: {"worries", "worry", "worried", "worrying", "concerns", "concerned", "risks", "problems", "issues", "gaps",
		"weaknesses", "improve", "improvements", "to improve", "challenges", "went wrong", "going wrong", "bad", "bad practice",
		"negatives", "cons", "barriers", "findings", "recommendations", "not working", "did not work", "didn t work", "didn t go well", "did not go well", "needs work", "lessons", "learning"},
	briefing.Questions: {"questions", "ask", "reflection", "reflective", "reflect", "discussion", "discuss", "practice questions",
		"casework", "casework questions", "supervision", "prompts"},
	briefing.Resources: {"resources", "links", "contacts", "phone", "phone numbers", "numbers", "telephone", "help", "helpline", "hotline", "get help", "support",
		"websites", "services", "procedures", "documents", "further reading", "more information", "info", "signpost", "where to get help",
		"refer", "who to contact", "useful links"},
}

// stop is words that say nothing about which section is meant.
var stop = func() map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(`a about all am an and any are as at be been briefing but by can could d did do does doing for from
		get give go got had has have having how i if in into is it its just ll look m many me my need of on or our out part please r re s section see
		show so some t tell that the their them then there these they thing things this those to u us ve want wat was we were what whats when
		where which who whos why will with would you your`) {
		m[w] = true
	}
	return m
}()
