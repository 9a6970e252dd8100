"""The built-in model: an extractive, deterministic engine behind the OpenAI protocol on a loopback port.

It makes a bare machine useful, and the test suite repeatable. It understands nothing: entities are capitalised
phrases, relationships are co-occurrence, reports and answers are sentences of the documents, ranked. Only the
workspace, which starts its server, and the fast method, which reads names without asking a model, import it.

Read first: `engine` (answers by purpose), `entities` (which names a text holds), `relations` (what is said about them),
`questions` (answers from data), `launch` and `server` (the HTTP server in a child process).

Its contract with the prompts
-----------------------------
It does not read instructions. What it is asked for stands in the header `X-FileIntel-Purpose`, or else in the name of
the JSON schema; without either it sums up the last user message. A prompt may say whatever it likes, as long as these
marks of the shipped prompts stay in it:

| mark | in the prompts of | what stands there |
| --- | --- | --- |
| `<text>` … `</text>` | extract, claims, metadata | the text to be read |
| `Entity types: a, b` | extract | the types that entities may have; without it organization, person, geo, event |
| `<data>` … `</data>` | reports, answers, tuning | the data: sections of CSV, in tuning plain text |
| `-----Name-----` | the data | begins a section: Reports, Entities, Claims, Relationships, Sources or Points |
| `Name:` and `Descriptions:` | describe | the name, and a JSON list of what is said about it |
| `Question:` | answers | what follows the last one behind the data; put there by the program |
| `Form of the answer: …` | answers | "a list", "a single paragraph", "a markdown table" or "one JSON …" |

Extraction is answered in tuples (`<|>`, `##`, `<|COMPLETE|>`), never in JSON. A prompt without a mark is not refused:
the whole message is then taken for the text, or for the data.
"""
