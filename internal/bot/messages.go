package bot

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"briefingbot/internal/briefing"
	"briefingbot/internal/command"
	"briefingbot/internal/content"
)

// phrasebook makes the messages. Words of the bot's are Notes, Headings marked
// Ours and spans marked Ours; everything else is a publisher's, untouched.
type phrasebook struct {
	footer  briefing.Footer
	several bool   // briefings, so that a reply says which one it is from
	zone    string // of schedules that name none
	lib     briefing.Library
	usages  []command.Usage // of /reflection
}

// source says where the text above it is from; s is nil for a whole briefing.
func (w *phrasebook) source(b *briefing.Briefing, s *briefing.Section) briefing.Source {
	line := b.Source(s)
	if w.several {
		line = b.Title + " · " + line
	}
	return briefing.Source{Text: line}
}

// shareConfirm is asked before a reply goes to a whole channel.
var shareConfirm = &briefing.Confirm{
	Title: "Share in this channel?",
	Text:  "Everyone in this channel will see it. It does not say who shared it.",
	Yes:   "Share", No: "Cancel",
}

func message(blocks ...briefing.Block) *briefing.Message { return &briefing.Message{Blocks: blocks} }

func buttons(b ...briefing.Button) briefing.Buttons { return briefing.Buttons{Buttons: b} }

func contentsButton(b *briefing.Briefing) briefing.Button {
	return briefing.Button{Label: "Contents", Command: b.BriefingCommand()}
}

// wayBack leads to a briefing's contents, or to all briefings where b is nil.
func wayBack(b *briefing.Briefing) briefing.Buttons {
	if b != nil {
		return buttons(contentsButton(b))
	}
	return buttons(briefing.Button{Label: "Briefings", Command: command.BriefingsCommand})
}

func sectionCommand(b *briefing.Briefing, s *briefing.Section) string {
	return fmt.Sprintf("%s %d", b.BriefingCommand(), s.Number)
}

func share(command string) briefing.Button {
	return briefing.Button{Label: "Share in channel", Command: command, Share: shareConfirm}
}

// section is one section of a briefing.
func (w *phrasebook) section(b *briefing.Briefing, s *briefing.Section) *briefing.Message {
	m := message(briefing.Heading{Text: s.Heading()})
	m.Blocks = append(m.Blocks, WithLinkStates(s.Blocks)...)
	var row []briefing.Button
	if before := b.Section(s.Number - 1); before != nil {
		row = append(row, briefing.Button{Label: fmt.Sprintf("Previous (%02d)", before.Number), Command: sectionCommand(b, before)})
	}
	if after := b.Section(s.Number + 1); after != nil {
		row = append(row, briefing.Button{Label: fmt.Sprintf("Next (%02d)", after.Number), Command: sectionCommand(b, after)})
	}
	row = append(row, contentsButton(b))
	if _, casework := b.Pool(briefing.Casework); casework != nil && s.Kind == briefing.Worries {
		row = append(row, poolButton(b, casework))
	}
	row = append(row, share(sectionCommand(b, s)))
	m.Blocks = append(m.Blocks, w.source(b, s), w.footer, buttons(row...))
	return m
}

// contents is what a briefing holds.
func (w *phrasebook) contents(b *briefing.Briefing) *briefing.Message {
	m := message(briefing.Heading{Text: b.Title})
	m.Blocks = append(m.Blocks, sectionChoice(b, everySection(b))...)
	m.Blocks = append(m.Blocks,
		buttons(
			briefing.Button{Label: "Whole briefing", Command: b.BriefingCommand() + " all"},
			briefing.Button{Label: "Team meeting plan", Command: b.BriefingCommand() + " meeting"},
			briefing.Button{Label: "Help", Command: b.BriefingCommand() + " help"},
		),
		w.source(b, nil), w.footer)
	return m
}

func everySection(b *briefing.Briefing) []int {
	numbers := make([]int, len(b.Sections))
	for i := range numbers {
		numbers[i] = i + 1
	}
	return numbers
}

// sectionChoice lists sections with their titles, and a button each. The buttons
// say the slug, which is short: Slack shows about 30 characters of a label.
func sectionChoice(b *briefing.Briefing, numbers []int) []briefing.Block {
	var (
		list briefing.List
		row  []briefing.Button
	)
	for _, n := range numbers {
		s := b.Section(n)
		list.Items = append(list.Items, briefing.Item{Number: n, Text: briefing.Words(s.Title)})
		row = append(row, briefing.Button{Label: sectionLabel(s), Command: sectionCommand(b, s)})
	}
	return []briefing.Block{list, buttons(row...)}
}

func sectionLabel(s *briefing.Section) string {
	name := []rune(strings.ReplaceAll(s.Slug, "-", " "))
	if len(name) > 24 {
		return fmt.Sprintf("Section %d", s.Number)
	}
	name[0] = unicode.ToUpper(name[0])
	return fmt.Sprintf("%d %s", s.Number, string(name))
}

// all is the whole briefing in order.
func (w *phrasebook) all(b *briefing.Briefing) *briefing.Message {
	m := message()
	for i := range b.Sections {
		s := &b.Sections[i]
		m.Blocks = append(m.Blocks, briefing.Heading{Text: s.Heading()})
		m.Blocks = append(m.Blocks, WithLinkStates(s.Blocks)...)
		m.Blocks = append(m.Blocks, w.source(b, s))
	}
	m.Blocks = append(m.Blocks, w.footer, buttons(contentsButton(b)))
	return m
}

// questions is every pool of a briefing.
func (w *phrasebook) questions(b *briefing.Briefing) *briefing.Message {
	m := message()
	for i := range b.Sections {
		if s := &b.Sections[i]; len(s.Pools) > 0 {
			m.Blocks = append(m.Blocks, briefing.Heading{Text: s.Heading()})
			m.Blocks = append(m.Blocks, WithLinkStates(s.Blocks)...)
			m.Blocks = append(m.Blocks, w.source(b, s))
		}
	}
	if len(m.Blocks) == 0 {
		return w.noPool(b)
	}
	row := append(poolButtons(b), randomButton(b, nil), contentsButton(b), share(b.QuestionsCommand()))
	m.Blocks = append(m.Blocks, w.footer, buttons(row...))
	return m
}

// pool is the questions of one pool.
func (w *phrasebook) pool(b *briefing.Briefing, s *briefing.Section, p *briefing.Pool) *briefing.Message {
	var list briefing.List
	for _, q := range p.Questions {
		list.Items = append(list.Items, briefing.Item{Text: q.Text})
	}
	row := slices.DeleteFunc(poolButtons(b), func(button briefing.Button) bool { return button == poolButton(b, p) })
	row = append(row, randomButton(b, p), contentsButton(b), share(b.QuestionsCommand()+" "+p.Name))
	return message(briefing.Heading{Text: s.Heading()}, briefing.Subheading{Text: p.Title}, list,
		w.source(b, s), w.footer, buttons(row...))
}

// question is one question of a pool; n counts from 0.
func (w *phrasebook) question(b *briefing.Briefing, s *briefing.Section, p *briefing.Pool, n int) *briefing.Message {
	another := randomButton(b, p)
	another.Label = "Another question"
	return message(briefing.Heading{Text: s.Heading()}, briefing.Subheading{Text: p.Title},
		briefing.Paragraph{Text: p.Questions[n].Text}, w.source(b, s), w.footer,
		buttons(another, poolButton(b, p), contentsButton(b),
			share(fmt.Sprintf("%s %s %d", b.QuestionsCommand(), p.Name, n+1))))
}

func poolButton(b *briefing.Briefing, p *briefing.Pool) briefing.Button {
	label := p.Label()
	switch p.Name {
	case briefing.Practice:
		label = "Practice questions"
	case briefing.Casework:
		label = "Casework questions"
	}
	return briefing.Button{Label: label, Command: b.QuestionsCommand() + " " + p.Name}
}

func poolButtons(b *briefing.Briefing) []briefing.Button {
	var row []briefing.Button
	for _, p := range allPools(b) {
		row = append(row, poolButton(b, p))
	}
	return row
}

// randomButton draws a question of the pool, or of any where p is nil.
func randomButton(b *briefing.Briefing, p *briefing.Pool) briefing.Button {
	button := briefing.Button{Label: "One at random", Command: b.QuestionsCommand() + " random"}
	if p != nil {
		button.Command += " " + p.Name
	}
	return button
}

// briefings lists the library.
func (w *phrasebook) briefings(lib briefing.Library) *briefing.Message {
	var (
		list briefing.List
		row  []briefing.Button
	)
	for _, b := range lib {
		list.Items = append(list.Items, briefing.Item{Text: briefing.Text{
			{Text: b.Title}, {Text: "\n" + b.Source(nil), Italic: true}, {Text: "\n"}, {Text: b.BriefingCommand(), Code: true},
			{Text: " "}, {Text: b.QuestionsCommand(), Code: true},
		}})
		row = append(row, briefing.Button{Label: b.BriefingCommand(), Command: b.BriefingCommand()})
	}
	return message(briefing.Heading{Text: "Briefings", Ours: true}, list, w.footer, buttons(row...))
}

// Who sees a reply, as help says it where it is private and where it is not.
var (
	onlyYou  = briefing.Note{Text: "Only you see a reply. The bot does not keep what you type."}
	everyone = briefing.Note{Text: "Everyone here sees a reply. To ask by yourself, write to the bot in a personal chat. The bot does not keep what you type."}
)

// casework is said where others see questions that invite details of a case.
var casework = briefing.Note{Text: "Casework questions are better asked in a personal chat with the bot: everyone here can read along. No names or case details here."}

// public is a message as it is where others see it, or m itself where there is no
// difference.
func (w *phrasebook) public(m *briefing.Message, hasCasework bool) *briefing.Message {
	out := message()
	for _, block := range m.Blocks {
		if block == briefing.Block(w.footer) && hasCasework {
			out.Blocks = append(out.Blocks, casework)
		}
		if note, ok := block.(briefing.Note); ok && note == onlyYou {
			block = everyone
		}
		out.Blocks = append(out.Blocks, block)
	}
	if !hasCasework && !slices.Contains(m.Blocks, briefing.Block(onlyYou)) {
		return m
	}
	return out
}

// help lists what can be typed. home is the briefing it is about, or nil.
func (w *phrasebook) help(heading string, usages []command.Usage, home *briefing.Briefing) *briefing.Message {
	var list briefing.List
	for _, u := range usages {
		list.Items = append(list.Items, briefing.Item{Text: briefing.Text{{Text: u.Type, Code: true}, {Text: " – " + u.Purpose}}})
	}
	return message(briefing.Heading{Text: heading, Ours: true}, list,
		onlyYou, w.footer, wayBack(home))
}

// didYouMean offers sections where the words fit more than one.
func (w *phrasebook) didYouMean(b *briefing.Briefing, numbers []int) *briefing.Message {
	heading := "Did you mean one of these?"
	if len(numbers) == 1 {
		heading = "Did you mean this?"
	}
	m := message(briefing.Heading{Text: heading, Ours: true})
	m.Blocks = append(m.Blocks, sectionChoice(b, numbers)...)
	m.Blocks = append(m.Blocks, w.source(b, nil), w.footer, buttons(contentsButton(b)))
	return m
}

// noSection says that the words fit no section, and shows the contents.
// suggestion is a command that was perhaps meant, or empty.
func (w *phrasebook) noSection(b *briefing.Briefing, suggestion string) *briefing.Message {
	m := message(briefing.Heading{Text: "No section goes by these words. There are:", Ours: true})
	m.Blocks = append(m.Blocks, sectionChoice(b, everySection(b))...)
	if suggestion != "" && !strings.HasSuffix(suggestion, " search") && !strings.HasSuffix(suggestion, " find") {
		m.Blocks = append(m.Blocks, briefing.Note{Text: "Or did you mean " + suggestion + "?"},
			buttons(briefing.Button{Label: suggestion, Command: suggestion}))
	}
	m.Blocks = append(m.Blocks,
		briefing.Note{Text: "To find words in the text, type " + b.BriefingCommand() + " search and the words. The bot has not kept what you typed."},
		w.source(b, nil), w.footer)
	return m
}

// noPool says that there is no such list of questions, and which there are.
func (w *phrasebook) noPool(b *briefing.Briefing) *briefing.Message {
	row := poolButtons(b)
	if len(row) == 0 {
		return message(briefing.Heading{Text: "This briefing has no questions.", Ours: true}, w.footer, buttons(contentsButton(b)))
	}
	return message(briefing.Heading{Text: "No list of questions goes by these words.", Ours: true},
		briefing.Note{Text: "Choose one below. The bot has not kept what you typed."}, w.footer,
		buttons(append(row, randomButton(b, nil), contentsButton(b))...))
}

// passages is what a search found. home is the briefing it was asked from, or nil.
func (w *phrasebook) passages(found []content.Passage, home *briefing.Briefing) *briefing.Message {
	back := wayBack(home)
	if len(found) == 0 {
		return message(briefing.Heading{Text: "Nothing found.", Ours: true},
			briefing.Note{Text: "Try fewer words, or another one for the same thing. The bot has not kept what you typed."}, w.footer, back)
	}
	heading := fmt.Sprintf("%d passages, best first", len(found))
	if len(found) == 1 {
		heading = "1 passage"
	}
	m := message(briefing.Heading{Text: heading, Ours: true})
	for _, p := range found {
		m.Blocks = append(m.Blocks, briefing.Paragraph{Text: p.Text}, w.source(p.Briefing, p.Section),
			buttons(briefing.Button{Label: fmt.Sprintf("Read section %02d", p.Section.Number), Command: sectionCommand(p.Briefing, p.Section)}))
	}
	m.Blocks = append(m.Blocks, w.footer, back)
	return m
}

// searchForNothing asks for the words that are missing.
func (w *phrasebook) searchForNothing(b *briefing.Briefing) *briefing.Message {
	return message(briefing.Heading{Text: "Which words should be searched for?", Ours: true},
		briefing.Note{Text: "Type " + b.BriefingCommand() + " search and the words after it. Leave out names and case details."}, w.footer,
		buttons(contentsButton(b)))
}

// sorry is the answer when there is none.
func (w *phrasebook) sorry() *briefing.Message {
	return message(briefing.Heading{Text: "Sorry, something went wrong here.", Ours: true},
		briefing.Note{Text: "It has been noted for whoever runs this bot. Please try again."}, w.footer)
}
