("{" @open "}" @close)
("[" @open "]" @close)
("subject.claims[" @open "]" @close)
("(" @open ")" @close)
