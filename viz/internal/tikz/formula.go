package tikz

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/adjoint-go/adjoint/viz/internal/draw"
	"github.com/adjoint-go/adjoint/viz/internal/scene"
)

// formula returns pieces of text as one formula of TeX: lowered and raised pieces are the scripts of the one before.
func formula(pieces []draw.Text) string {
	var b, raised, lowered strings.Builder
	now := scene.None // colour
	scripts := func() {
		for _, s := range []struct {
			sign string
			text *strings.Builder
		}{{"_", &lowered}, {"^", &raised}} {
			if s.text.Len() > 0 {
				b.WriteString(s.sign + "{" + s.text.String() + "}")
				s.text.Reset()
			}
		}
	}
	for i := range pieces {
		p := &pieces[i]
		text := mathematics(p.Text, p.Italic)
		if p.Bar {
			accent := `\overline`
			if utf8.RuneCountInString(p.Text) == 1 {
				accent = `\bar`
			}
			text = accent + "{" + text + "}"
		}
		if p.Script == scene.Base {
			scripts()
			if p.Colour != now {
				b.WriteString(`\color{` + colour(p.Colour) + "}")
				now = p.Colour
			}
			b.WriteString(text)
			continue
		}
		if now == scene.None {
			b.WriteString(`\color{` + colour(p.Colour) + "}{}") // the scripts of nothing
			now = p.Colour
		}
		if p.Colour != now {
			text = `\color{` + colour(p.Colour) + "}" + text
		}
		if p.Script == scene.Super {
			raised.WriteString(text)
		} else {
			lowered.WriteString(text)
		}
	}
	scripts()
	return b.String()
}

// mathematics returns text for TeX's mode of mathematics, whatever it holds.
func mathematics(text string, italic bool) string {
	var b strings.Builder
	runes := []rune(text)
	spaced := func(i int) bool { // TeX puts space around it
		return i >= 0 && i < len(runes) && strings.ContainsRune("=<>≤≥≠≈+−×÷→←↦∈", runes[i])
	}
	for i := 0; i < len(runes); {
		r := runes[i]
		switch {
		case isLetter(r):
			end := i
			for end < len(runes) && isLetter(runes[end]) {
				end++
			}
			word := string(runes[i:end])
			switch {
			case !italic:
				// Words with spaces, commas and colons between them are prose.
				for prose := end; prose < len(runes) && (isLetter(runes[prose]) || strings.ContainsRune(" ,:", runes[prose])); prose++ {
					if isLetter(runes[prose]) {
						end = prose + 1
					}
				}
				if prose := string(runes[i:end]); prose != word {
					b.WriteString(`\text{` + prose + "}")
				} else {
					b.WriteString(`\mathrm{` + word + "}")
				}
			case len(word) > 1:
				b.WriteString(`\mathit{` + word + "}")
			default:
				b.WriteString(word)
			}
			i = end
			continue
		case r == ' ':
			switch {
			case spaced(i-1) || spaced(i+1) || i > 0 && (runes[i-1] == ',' || runes[i-1] == ';'):
			case i > 0 && runes[i-1] == '·' || i+1 < len(runes) && runes[i+1] == '·':
				b.WriteString(`\,`)
			default:
				b.WriteString(`\ `)
			}
		default:
			c, _ := command(r)
			if _, letter := accented[r]; letter && !italic {
				c = `\mathrm{` + c + "}"
			}
			if spaced(i) && (i == 0 || runes[i-1] != ' ') && (i+1 == len(runes) || runes[i+1] != ' ') {
				c = "{" + strings.TrimSpace(c) + "}" // tight, as in 8×16
			}
			b.WriteString(c)
		}
		i++
	}
	return b.String()
}

func isLetter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// command returns what sets a character in the mode of mathematics, and whether every TeX can.
func command(r rune) (string, bool) {
	for _, table := range []map[rune]string{commands, accented} {
		if c, found := table[r]; found {
			return c, true
		}
	}
	if isLetter(r) || '0' <= r && r <= '9' || r < 0x80 && strings.ContainsRune(" !()+,./;<=>?@[]|", r) {
		return string(r), true
	}
	return fmt.Sprintf(`\adjointcharacter{%04X}{%d}`, r, r), false
}

// commands are the characters that are not themselves in TeX. Each stands for itself: it is no script, accent or ligature of its neighbours.
var commands = collectCommands()

func collectCommands() map[rune]string {
	c := map[rune]string{
		'"': `\text{''}`, '#': `\#`, '$': `\$`, '%': `\%`, '&': `\&`, '\'': `\text{'}`, '*': `{*}`, '-': `\text{-}`, ':': `{:}`,
		'\\': `\backslash `, '^': `\text{\textasciicircum}`, '_': `\_`, '`': "\\text{`}", '{': `\{`, '}': `\}`, '~': `\text{\textasciitilde}`,
		'\u00a0': `\ `, '\u2009': `\,`, '\u2003': `\quad `,
		'−': `-`, '×': `\times `, '÷': `\div `, '·': `{\cdot}`, '⋅': `{\cdot}`, '∗': `{\ast}`, '±': `\pm `, '∓': `\mp `, '⊙': `\odot `, '⊗': `\otimes `, '⊕': `\oplus `, '∘': `\circ `,
		'∂': `\partial `, '∇': `\nabla `, '√': `\surd `, '∞': `\infty `, '∑': `\sum `, '∏': `\prod `, '∫': `\int `, '‖': `\|`, '∥': `\|`, '′': `{{}^{\prime}}`,
		'≤': `\le `, '≥': `\ge `, '≠': `\ne `, '≈': `\approx `, '≡': `\equiv `, '∼': `\sim `, '≪': `\ll `, '≫': `\gg `, '∈': `\in `, '∉': `\notin `,
		'←': `\leftarrow `, '→': `\to `, '↦': `\mapsto `, '↑': `\uparrow `, '↓': `\downarrow `, '↔': `\leftrightarrow `, '⇒': `\Rightarrow `,
		'∧': `\wedge `, '∨': `\vee `, '¬': `\neg `, '⊤': `\top `, '⊥': `\perp `, '∀': `\forall `, '∃': `\exists `, '∅': `\emptyset `, '∪': `\cup `, '∩': `\cap `,
		'⌊': `\lfloor `, '⌋': `\rfloor `, '⌈': `\lceil `, '⌉': `\rceil `, '⟨': `\langle `, '⟩': `\rangle `, '…': `\ldots `, '⋯': `\cdots `, '•': `\bullet `, 'ℓ': `\ell `,
		'½': `\tfrac12`, '¼': `\tfrac14`, '¾': `\tfrac34`, '°': `{{}^{\circ}}`, '§': `\S `, '–': `\text{--}`, '—': `\text{---}`, '“': "\\text{``}", '”': `\text{''}`, '‘': "\\text{`}", '’': `\text{'}`,
		'ᵀ': `{{}^{\mathrm T}}`, 'ⁿ': `{{}^{n}}`, '⁺': `{{}^{+}}`, '⁻': `{{}^{-}}`, 'µ': `\mu `,
		'ß': `\text{\ss}`, 'æ': `\text{\ae}`, 'Æ': `\text{\AE}`, 'ø': `\text{\o}`, 'Ø': `\text{\O}`, 'œ': `\text{\oe}`, 'Œ': `\text{\OE}`, 'ł': `\text{\l}`, 'Ł': `\text{\L}`, 'ı': `\text{\i}`, 'Ç': `\text{\c{C}}`, 'ç': `\text{\c{c}}`, 'Ş': `\text{\c{S}}`, 'ş': `\text{\c{s}}`,
	}
	for i, r := range []rune("⁰¹²³⁴⁵⁶⁷⁸⁹") {
		c[r] = fmt.Sprintf("{{}^{%d}}", i)
	}
	for i, r := range []rune("₀₁₂₃₄₅₆₇₈₉") {
		c[r] = fmt.Sprintf("{{}_{%d}}", i)
	}
	greek := strings.Fields("α alpha β beta γ gamma δ delta ε varepsilon ϵ epsilon ζ zeta η eta θ theta ϑ vartheta ι iota κ kappa λ lambda μ mu ν nu ξ xi π pi ρ rho " +
		"σ sigma ς varsigma τ tau υ upsilon φ varphi ϕ phi χ chi ψ psi ω omega Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Υ Upsilon Φ Phi Ψ Psi Ω Omega")
	for i := 0; i < len(greek); i += 2 {
		r, _ := utf8.DecodeRuneInString(greek[i])
		c[r] = `\` + greek[i+1] + " "
	}
	return c
}

// accented are the letters with accents.
var accented = collectAccented()

func collectAccented() map[rune]string {
	c := map[rune]string{}
	for accent, list := range map[string]string{`\grave`: "ÀAàaÈEèeÌIìiÒOòoÙUùu", `\acute`: "ÁAáaÉEéeÍIíiÓOóoÚUúuÝYýyĆCćcŃNńnŚSśsŹZźz",
		`\hat`: "ÂAâaĈCĉcÊEêeĜGĝgĤHĥhÎIîiĴJĵjÔOôoŜSŝsÛUûuŴWŵwŶYŷyẐZẑz", `\tilde`: "ÃAãaÑNñnÕOõoŨUũu", `\ddot`: "ÄAäaËEëeÏIïiÖOöoÜUüuŸYÿy",
		`\check`: "ČCčcĎDďdĚEěeŇNňnŘRřrŠSšsŤTťtŽZžz", `\mathring`: "ÅAåaŮUůu", `\dot`: "ĊCċcĖEėeĠGġgŻZżz", `\bar`: "ĀAāaĒEēeĪIīiŌOōoŪUūu", `\breve`: "ĂAăaĞGğg"} {
		runes := []rune(list) // pairs of a letter with the accent and without
		for i := 0; i < len(runes); i += 2 {
			c[runes[i]] = accent + "{" + string(runes[i+1]) + "}"
		}
	}
	return c
}
