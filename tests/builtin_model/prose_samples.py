"""Prose for the tests of the built-in model, written for this purpose."""

ENGLISH = """
CHAPTER III

The Sluice at Altona

Ilse Brandt was born in Altona in 1881, the daughter of a lock-keeper. She studied hydraulic engineering at
the Technical University of Hanover, where Professor Gustav Reimers taught her to distrust any wall that had
never been wet. In March 1904 she joined the Harbour Commission as its first woman engineer. The Commission
had been founded after the Great Flood of 1825 and was led by Mayor Heinrich Tolle, a cautious man who
believed that dikes were a matter for farmers.

Brandt's first report, "On the Condition of the Lower Locks", was read by nobody. However, Jonas Krohn, the
surveyor of the Meridian Dredging Company, found a copy in the Commission's library and wrote to her at once.
"You are right about the Elbe," he wrote, "and they will not thank you for it." Krohn had measured the silt
near Finkenwerder for eleven years. Together they proposed a new sluice at Neumühlen, which would cost four
million marks.

Mayor Tolle refused. The Meridian Dredging Company (MDC) supported the plan, because it expected the contract;
the Chamber of Commerce opposed it for the same reason. On 17 February 1906 the storm came from the
north-west. The water rose 4.2 metres above the mean in Altona and flooded the fish market, St. Pauli and the
lower streets of Ottensen. Seventeen people died. After the Storm of 1906 Tolle resigned, and the Senate of
Hamburg appointed a Board of Inquiry under Judge Clara Voss.

Voss heard forty witnesses. She found that the Harbour Commission had ignored Brandt's report for two years,
and that MDC had sold sand to both sides. The Board of Inquiry recommended that the Neumühlen Sluice be built.
Nevertheless, the Chamber of Commerce delayed the money until 1909. Brandt travelled to Rotterdam and London
in 1907 to study the new gates there. In London she met Sir Walter Hoskyns of the Thames Conservancy, who lent
her his drawings.

The Neumühlen Sluice opened on Monday, 3 May 1912. Krohn, who had been ill since Christmas, watched from a
chair on the quay. He died in June. Brandt wrote later that the sluice had been "his wall more than mine". The
French engineer Marcel Aubry called it the best lock north of Le Havre. Today the Ilse Brandt Foundation
awards a prize each year at the Conference on Coastal Engineering in Lübeck.
"""

GERMAN = """
Die Schleuse von Neumühlen

Ilse Brandt wurde 1881 in Altona als Tochter eines Schleusenwärters geboren. Sie studierte Wasserbau an der
Technischen Hochschule Hannover, wo Professor Gustav Reimers lehrte. Im März 1904 trat sie in die
Hafenkommission ein. Die Hafenkommission war nach der großen Sturmflut von 1825 gegründet worden und wurde von
Bürgermeister Heinrich Tolle geleitet, einem vorsichtigen Mann.

Brandts erster Bericht wurde von niemandem gelesen. Jonas Krohn, der Vermesser der Baggergesellschaft Meridian
GmbH, fand jedoch ein Exemplar in der Bibliothek und schrieb ihr sofort. „Sie haben recht, was die Elbe
betrifft“, schrieb er, „und man wird es Ihnen nicht danken.“ Krohn hatte elf Jahre lang den Schlick bei
Finkenwerder gemessen. Zusammen schlugen sie eine neue Schleuse in Neumühlen vor, die vier Millionen Mark
kosten sollte.

Tolle lehnte ab. Die Handelskammer war gegen den Plan, weil sie höhere Gebühren fürchtete. Am 17. Februar 1906
kam der Sturm aus Nordwesten. Das Wasser stieg in Altona um 4,2 Meter und überschwemmte den Fischmarkt, St.
Pauli und die unteren Straßen von Ottensen. Siebzehn Menschen starben. Danach trat Tolle zurück, und der
Hamburger Senat setzte einen Ausschuss unter der Richterin Clara Voss ein.

Voss hörte vierzig Zeugen. Sie stellte fest, dass die Hafenkommission den Bericht von Ilse Brandt zwei Jahre
lang nicht beachtet hatte. Das Amt für Wasserbau empfahl den Bau der Schleuse. Brandt reiste 1907 nach
Rotterdam und nach London, um die neuen Tore zu studieren. In London traf sie Walter Hoskyns von der Thames
Conservancy.

Die Schleuse wurde am Montag, dem 3. Mai 1912 eröffnet. Krohn, der seit Weihnachten krank war, sah von einem
Stuhl am Kai aus zu. Er starb im Juni. Der französische Ingenieur Marcel Aubry nannte sie die beste Schleuse
nördlich von Le Havre.
"""

FRENCH = """
Ilse Brandt naquit à Altona en 1881. Elle étudia l'hydraulique à l'École polytechnique de Hanovre, où
enseignait le professeur Gustav Reimers. En mars 1904, elle entra à la Commission du port comme première femme
ingénieure. La Commission du port avait été fondée après la Grande Inondation de 1825; elle était dirigée par
le maire Heinrich Tolle, un homme prudent.

Le premier rapport de Brandt ne fut lu par personne. Cependant Jonas Krohn, géomètre de la Compagnie de
dragage Méridien, en trouva un exemplaire et lui écrivit aussitôt. « Vous avez raison au sujet de l'Elbe »,
écrivit-il. Krohn avait mesuré la vase près de Finkenwerder pendant onze ans. Ensemble, ils proposèrent une
nouvelle écluse à Neumühlen.

Tolle refusa. La Chambre de commerce s'opposa au projet. Le 17 février 1906, la tempête arriva. L'eau monta de
4,2 mètres à Altona et inonda le quartier de Saint-Pauli. Dix-sept personnes moururent. Brandt se rendit à
Rotterdam et à Londres en 1907. À Londres, elle rencontra Walter Hoskyns. L'ingénieur Marcel Aubry, directeur
de la Société des ponts de Nantes, la qualifia de meilleure écluse au nord du Havre. L'Institut national de la
mer conserve ses dessins.
"""

FINNISH = """
Ilse Brandt syntyi Helsingissä vuonna 1881. Hän opiskeli vesirakennusta Helsingin yliopistossa, jossa
professori Gustav Virtanen opetti. Maaliskuussa 1904 hän liittyi Turun satamalautakuntaan. Brandtin
ensimmäistä raporttia ei lukenut kukaan. Mutta Jonas Krohn, maanmittari Meridian Oy:ssä, löysi sen ja
kirjoitti hänelle heti. Krohn oli mitannut Aurajoen liejua yksitoista vuotta. Yhdessä he ehdottivat uutta
sulkua Turkuun. Suomen Pankki lainasi rahat. Virtasen mukaan sulku oli paras koko Suomessa. Helsinki maksoi
puolet. Myöhemmin Brandt muutti Tampereelle. Tampereella hän tapasi Aino Laineen, joka oli kirjailija.
"""

MINUTES = """
Minutes of the Storage Working Group

The working group met on Tuesday, 14 March 2023 at the Kestrel Data Centre in Reading. Present were Dr. Priya
Nair (chair), Tom Okafor, Mei-Ling Zhao and Lars Holm from Northwind Systems Ltd. Apologies were received from
J. P. Marchetti.

1. Migration of the archive
Okafor reported that 340 TB had been copied to the new cluster since January. The old NetApp filers will be
switched off in Q3. Zhao warned that PostgreSQL 15 changes the default permissions of the public schema; Nair
asked her to write a note for the Wiki. It was decided to postpone the upgrade until the University of Leeds
has tested it.

2. Budget
The Board approved £2.1m for tape. IBM and Quantum have made offers. Holm said that Northwind Systems could
deliver in six weeks, but Nair pointed out that the last delivery took four months. "We are not going to do
that again," she said. The EU grant (Horizon Europe) ends in December.

3. Any other business
The next meeting takes place in Cambridge. Don't forget that the Data Protection Act applies to backups, too.
Chapter 4 of the handbook has been rewritten. However, Figure 2 is missing. The World Health Organization
(WHO) asked for a copy; WHO staff will visit the Kestrel Data Centre in May.
"""

NOVEL = """
It was a dark evening when Pip Harrow first came to Thornfield Mill. Old Mr. Harrow, his grandfather, had died
in the spring, and nobody in Little Marsham would say how. "You'll be the boy, then," said Mrs. Quill, holding
up the lamp. Pip nodded. The kitchen smelled of bread and lavender.

Mrs. Quill had kept house at the mill for thirty years. She knew every stair that creaked, and she knew,
though she never said it, that Captain Dray had been at the mill on the night of the fire. Dray owned the
brewery and half of Little Marsham besides. On Sundays he read the lesson in St. Anne's Church with his hat
under his arm.

The next morning Pip walked down to the river. There he met Edda, the miller's daughter from Upper Weir, who
was catching eels. Edda laughed at his boots. "Are you going to stay?" she asked. "I don't know," said Pip.
Behind them the wheel turned. Rooks rose from the elms. Nothing else moved. Edda told him about Captain Dray,
and about the Black Lantern, the inn where the smugglers met before the War. Perhaps the Lantern was still
open.

God knows what Dray wanted with the mill. When the winter came, Inspector Vale arrived from London with a
warrant. Vale asked Mrs. Quill about the fire; Mrs. Quill said nothing. But Edda did. Later, Dray was arrested
at Harwich and tried at Norwich Assizes in 1893.
"""
