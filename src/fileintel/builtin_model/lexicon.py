"""Words that betray what a capitalised phrase stands for: titles, given names, heads of organisation names, places.

All lower-case. "Heads" are nouns that name the kind of thing: the last word of "Harbour Commission", the first of
"Treaty of Tilsit". The lists are short on purpose: they only need to tip the balance where the context is silent.
"""

from fileintel.builtin_model.wordlists import word_list, word_set

TITLES = word_set("""
mr mrs ms miss mister dr doctor prof professor sir madam madame dame lady captain capt colonel col
general gen lieutenant lt sergeant sgt major commander admiral commodore inspector detective constable
minister chancellor mayor mayoress governor senator congressman judge justice ambassador secretary chairman chairwoman
president vice-president director chief engineer architect bishop archbishop reverend rev father brother sister mother
pastor rabbi imam abbot abbess cardinal uncle aunt cousin nurse editor author chair
herr frau fräulein doktor hauptmann oberst graf gräfin freiherr baron baroness baronin bürgermeister bürgermeisterin
oberbürgermeister senatorin ministerin direktor direktorin präsident präsidentin ingenieur ingenieurin architektin
kapitän kanzler kanzlerin professorin pfarrer bischof richter richterin
monsieur mademoiselle mme mlle maître docteur professeure capitaine maire ministre président présidente directeur
directrice ingénieur ingénieure évêque abbé comte comtesse marquis marquise duc duchesse préfet
herra rouva neiti tohtori professori kapteeni ministeri pormestari johtaja insinööri arkkitehti piispa
""")
# These belong to the name: "Queen Victoria", "Duke of York".
ROYALS = word_set("""
king queen prince princess emperor empress pope saint st duke duchess earl count countess tsar tsarina sultan
könig königin prinz prinzessin kaiser kaiserin papst roi reine pape kuningas kuningatar keisari
""")

# Nouns for people that stand in lower case beside a name: "the surveyor Jonas Krohn", "Ilse Brandt, an engineer".
ROLES = word_set("""
engineer architect merchant surveyor painter poet writer novelist author editor journalist historian physicist
chemist biologist scientist researcher mathematician physician surgeon nurse lawyer judge teacher professor lecturer
minister politician mayor senator governor president chancellor director manager founder co-founder owner chairman
chairwoman chief captain sailor pilot soldier officer admiral farmer fisherman carpenter clerk bookkeeper banker
composer pianist singer actor actress daughter son wife husband widow brother sister father mother uncle aunt cousin
friend colleague student apprentice successor predecessor botanist geologist inventor photographer archivist
librarian curator economist philosopher priest bishop king queen prince princess man woman boy girl
ingenieur ingenieurin architekt architektin kaufmann kauffrau maler malerin dichter schriftsteller schriftstellerin
historiker historikerin physiker physikerin arzt ärztin anwalt lehrer lehrerin politiker politikerin bürgermeister
bürgermeisterin gründer gründerin direktor direktorin leiter leiterin vorsitzende vorsitzender kapitän tochter sohn
frau mann witwe bruder schwester vater mutter freund freundin schüler schülerin nachfolger nachfolgerin
ingénieur ingénieure architecte marchand peintre poète écrivain historien historienne physicien chimiste médecin
avocat
maire ministre président présidente directeur directrice fondateur fondatrice capitaine fille fils femme mari veuve
frère sœur père mère ami amie élève
insinööri arkkitehti kauppias maalari runoilija kirjailija historioitsija lääkäri opettaja ministeri johtaja perustaja
kapteeni tytär poika vaimo mies leski veli sisar isä äiti ystävä
""")

# Verbs that may stand before their subject: "… ," said Brandt.
SPEECH_VERBS = word_set("""
said says asked replied answered explained added cried whispered shouted remarked
sagte fragte antwortete erklärte meinte rief
dit répondit demanda expliqua
sanoi kysyi vastasi selitti
""")
PERSON_VERBS = SPEECH_VERBS | word_set("""
wrote writes told thought believed argued claimed insisted recalled remembered admitted warned promised smiled laughed
nodded sighed married studied taught painted resigned retired died proposed noted suggested refused knew felt invented
designed
sagt schrieb schreibt glaubte dachte heiratete studierte lehrte starb erinnerte betonte warnte versprach lächelte
lachte
écrit écrivit affirma pensait croyait épousa étudia enseigna mourut déclara
kirjoitti kertoi ajatteli opiskeli opetti kuoli avioitui
""")

FEMALE_NAMES = word_set("""
ada agatha agnes aino alice alma amelia amy anna anne annika antonia astrid barbara beatrice bertha bridget camille
carla caroline catherine cecilia charlotte christine clara claire claudia daisy diana dora dorothy edith eleanor elena
elin elisabeth elizabeth ella ellen elsa elsie emilia emily emma erika esther eva eve fanny florence frances frida
gabriele gerda gertrude giulia grace greta hanna hannah hedwig heidi helen helena helga henriette hilda ida ilse inga
ingeborg ingrid irene irma isabel isabelle jane jeanne jennifer jenny jessica joan johanna josephine julia juliette
kaarina kaisa karin karen katharina katherine kate kerstin kirsten klara laura lea lena liisa lily linda lisa liv
lotte
louise lucia lucy luise madeleine margaret margarete margit maria marianne marie marion marja marlene martha mary
mathilde maud mercy mina minna miriam monika nadia nancy natalie nina nora olga olivia paula pauline petra pia rachel
rebecca renate rita rosa rose ruth sabine salla sanna sara sarah selma sigrid silvia simone sofia sonja sophie stella
susan susanne sylvia tanja teresa therese thérèse tuula ulla ursula vera veronica victoria viola virginia wilhelmina
yvonne zoe françoise hélène hélene odile aurélie margot solveig tove maja aisha fatima leila mei priya yuki
""")

MALE_NAMES = word_set("""
aaron abraham adam adolf adrian albert alexander alexandre alfred allan andreas andrew andré anders anton antti
anthony arne arnold arthur axel benjamin bernard bernhard bertrand bill bjorn björn bob boris bruno carl carlos
charles
chris christian christoph christopher claude clemens conrad daniel david denis dennis dieter dirk dmitri donald edgar
edmund eduard edvard edward eero elias emil emile émile eric erik erich ernst eugene fabian felix ferdinand fernando
françois francis frank franz fred frederick friedrich fritz gabriel gaston geoffrey georg george gerald gerhard
gilbert
giovanni gottfried graham gregory guillaume günter günther gustav hans harald harold harry hartmut heikki heinrich
heinz helmut henri henrik henry herbert hermann howard hubert hugh hugo ian igor isaac ivan jack jacob jacques jakob
james jan jari jean jens joachim johan johann johannes john johnny jonas jonathan jorge josef joseph juan juha jukka
julius jürgen kalle karl kaspar keith kenneth kevin klaus knut konrad kurt lars lauri laurent leo leon leonard
leonhard
leopold lorenz louis lucas ludwig luis lukas magnus manfred marc marcel marco mark markus martin mathias matthew
matthias matti maurice max maximilian michael michel mikael mikko miguel morten moritz nathan niels nils nicholas
nicolas norbert olaf olav olivier oskar oscar otto owen patrick paul pavel pedro pekka peter philip philipp philippe
pierre piotr rainer ralph raymond rené richard robert roger roland rolf roman rudolf rupert samuel sebastian sergei
siegfried simon stefan stephen steven sven theo theodor theodore thomas thor tim timo tobias tom tomas ulrich uwe
vaclav victor viktor vilho vincent vladimir väinö walter walther werner wilhelm wilfried william winston wolfgang
yves ahmed ali hassan ibrahim mohammed omar raj hiroshi kenji wei erkki aleksi eino jarl tapio urho jens-peter søren
ebenezer oliver sherlock
""")
GIVEN_NAMES = FEMALE_NAMES | MALE_NAMES

ORGANIZATION_HEADS = word_set("""
academy administration agency alliance archive archives army assembly association authority bank board brigade bureau
cabinet cartel centre center chamber charity church club college commission committee commons company congregation
conservancy consortium convention cooperative corporation corps council court department directorate faculty
federation fire-brigade
firm fleet foundation fund group guild herald holdings hospital house inc industries inspectorate institute
institution
laboratories laboratory league library line lines lodge ltd limited llc llp ministry mission museum navy network
office
observatory orchestra order organisation organization parliament partners partnership party plc police police-force
press railway railways registry school schools secretariat seminary senate service services shipyard society sons
studio studios supply syndicate team theatre theater times tribune tribunal trust union university works workshop
yard gazette journal post chronicle
ag gmbh kg ohg se e.v ev amt behörde bund genossenschaft gericht gesellschaft hochschule institut kammer kommission
konzern krankenhaus ministerium partei rat reederei schule senat stiftung theater universität verband verein verlag
werft werk werke zeitung
académie administration agence assemblée association atelier banque bureau bibliothèque chambre comité commission
compagnie conseil cour département école fédération fondation groupe hôpital institut ministère musée parlement parti
préfecture société syndicat tribunal université usine sa sarl
eduskunta instituutti komitea kirjasto laitos liitto ministeriö museo neuvosto oy oyj pankki puolue rykmentti seura
säätiö toimisto valtuusto virasto yhdistys yhtiö yliopisto lautakunta
""")
# Company endings that may follow a name.
COMPANY_ENDINGS = word_set("ltd inc gmbh ag kg oy oyj ab as sa sarl plc llc llp co corp sons e.v ev")

GEO_HEADS = word_set("""
abbey alley avenue bay beach borough boulevard bridge brook canal canyon cape castle cathedral cemetery channel city
cliff
coast county creek crossing delta desert district dock docks duchy empire estate estuary falls farm ferry field fields
fjord ford forest fort gardens gate glacier gulf hall harbour harbor haven heath heights hill hills inn island islands
isle isles kingdom lagoon lake lane lighthouse lock locks manor market marsh mill mountain mountains ocean palace park
parish pass peninsula pier place plain plains plateau point port prison province quarter quay range reef region
republic reservoir ridge river road rock sea shore sluice sound spring springs square state states station strait
straits
street tower town tunnel valley village wall ward waterfall weir wharf wood woods
bahnhof berg brücke burg dom dorf fluss gasse hafen insel kanal kirche meer park platz schleuse schloss see stadt
straße strasse tal tor turm ufer vorort wald allee
avenue baie boulevard canal cathédrale château côte église fleuve forêt gare golfe île îles lac mer montagne mont
phare place plage pont port quai région république rivière rue vallée village ville détroit
asema järvi joki kanava katu kaupunki kirkko kylä lahti linna meri mäki niemi puisto saari satama silta tori vuori
""")

EVENT_HEADS = word_set("""
accord accords act agreement armistice assassination attack award awards battle blockade boycott campaign carnival
census ceremony championship collapse conference congress coronation coup crisis cup disaster earthquake election
elections epidemic eruption exhibition expedition expo fair famine festival fire flood floods games hearing inquiry
invasion jubilee massacre mutiny olympics pandemic plague rebellion referendum reform reformation revolt revolution
riot riots siege storm strike summit symposium treaty trial uprising war wars
abkommen aufstand ausstellung belagerung erdbeben flut friede gipfel jubiläum kongress konferenz krieg krise messe
reform revolution schlacht streik sturm sturmflut vertrag wahl wahlen weltkrieg weltausstellung
accord bataille congrès conférence crise élection exposition grève guerre incendie inondation procès révolte
révolution siège sommet tempête traité
konferenssi kriisi lakko messut näyttely sopimus sota taistelu tulva vaalit vallankumous
""")
# Heads that start a name whose rest is in lower case in French: "Commission du port", "Institut national".
FRENCH_ADJECTIVE_ENDINGS = ("al", "ale", "aux", "ales", "que", "aire", "el", "elle", "ienne", "ien", "ais", "aise")

# Last parts of German, English and Finnish compounds: "Hafenamt", "Hafenstraße", "Sturmflut".
GERMAN_ROLE_ENDINGS = word_list("""
meister vorsteher fischer händler schreiber führer wärter wächter richter lehrer leiter besitzer schiffer müller bauer
schmied schneider tischler drucker verleger forscher berater kapitän ingenieur inspektor minister sekretär direktor
maler reeder kaufmann hauptmann
""")
COMPOUND_SUFFIXES = {
    "organization": word_list("""
amt behörde bank bund gesellschaft genossenschaft institut kammer kommission ministerium museum partei rat reederei
schule senat stiftung universität verband verein verlag werft werke werk zeitung gericht virasto laitos yhtiö
ministeriö yliopisto opisto liitto toimisto lautakunta seura säätiö
"""),
    "geo": word_list("""
burg burgh ville haven hafen stadt städt straße strasse gasse allee platz brücke kanal kirche insel heim dorf furt
münde schleuse borough bury shire holm vik fjord fjörður stead mouth land katu järvi joki saari niemi lahti kylä
vuori mäki koski linna salmi satama silta kaupunki
"""),
    "event": word_list("""
krieg flut vertrag kongress ausstellung aufstand konferenz revolution streik schlacht beben sota sopimus näyttely
konferenssi vaalit
"""),
}
SURNAME_SUFFIXES = ("sson", "sen", "mann", "nen", "ski", "ska", "ovich", "enko", "stein", "quist", "qvist", "ström")

PLACES = word_set("""
africa america antarctica asia europe australia england scotland wales ireland britain france germany italy spain
portugal norway sweden denmark finland iceland netherlands holland belgium luxembourg switzerland austria poland
russia ukraine estonia latvia lithuania hungary romania bulgaria greece turkey egypt israel india china japan korea
canada mexico brazil argentina chile peru kenya nigeria iran iraq
deutschland frankreich italien spanien norwegen schweden dänemark finnland niederlande belgien schweiz österreich
polen russland europa afrika amerika asien england
allemagne angleterre espagne italie suisse autriche russie norvège suède danemark finlande belgique europe afrique
suomi ruotsi norja tanska saksa ranska venäjä viro eurooppa
amsterdam athens barcelona basel beijing bergen berlin bern bordeaux boston bremen brussels budapest cairo calais
chicago cologne copenhagen dresden dublin edinburgh florence frankfurt geneva genoa glasgow gothenburg hamburg
hannover
hanover helsinki istanbul kiel köln leipzig lisbon liverpool london lübeck lyon madrid manchester marseille milan
moscow munich münchen nantes naples oslo oxford cambridge paris prague prag riga rome rotterdam rouen stockholm
hanko kuopio oulu pori rauma vaasa viipuri
strasbourg stuttgart tallinn tampere tokyo trieste turin turku uppsala venice vienna wien warsaw washington york
zurich
zürich genf genève bruxelles londres
""")

# Capitalised words that are not a name when they stand alone: peoples, languages, parts of a book, generic nouns.
DEMONYMS = word_set("""
african american arab asian austrian baltic belgian brazilian british bavarian canadian catholic chinese christian
christians czech danish dutch egyptian english estonian european europeans finnish flemish french german germans greek
hanseatic hungarian icelandic indian irish islamic italian japanese jewish jews latin latvian lithuanian muslim
norwegian orthodox ottoman polish portuguese protestant prussian roman romans russian russians scottish saxon
scandinavian spanish swedish swiss turkish ukrainian victorian welsh western eastern northern southern
""")
GENERIC = word_set("""
acknowledgements annex appendix article bibliography book chapter conclusion contents copyright diagram edition
email example fax figure fig footnote foreword glossary http https index introduction isbn issn issue map note notes
number page pages paragraph part phone plate preface prologue epilogue references section source summary supplement
table tel title url vol volume www doi pdf ebook internet web gutenberg-tm
abbildung abschnitt anhang anmerkung band einleitung fußnote inhalt kapitel nummer quelle seite tabelle teil vorwort
zusammenfassung herausgeber auflage
annexe chapitre figure introduction note page partie préface résumé tableau sommaire
johdanto kuva liite luku luvut osa sisällys sivu taulukko yhteenveto
god lord heaven bible north south east west northeast northwest southeast southwest nord süd ost west norden süden
osten westen sud est ouest internet ok yes no ah oh eh hm alas hello hurrah bah dear goodbye thanks
monsieur madame sir ma'am anfang beginn ende mitte tonnen meter kilometer mark prozent millionen euro euros dollar
dollars pfund million billion thousand hundred percent state city town government company
""")
# German common nouns that stand without an article often enough to look like a name.
GERMAN_NOUNS = word_set("""
abend abschied angaben anfang antwort arbeit arbeiter art aufgabe auge augen ausdruck bau beginn beispiel bericht
betrieb bild blick boden brief briefe buch bücher daten dienst ding dinge druck ecke einfluss eltern ende erde erfolg
ergebnis fall familie farbe fenster feuer folge form frage fragen frauen freude frieden fuß gebäude gefahr gegend geld
geschichte gesetz gesicht gewalt glas glück gold grund gruppe hand hände haus hause häuser hilfe himmel hitze holz
hunger idee interesse jahr jahre jahren jahres kampf kind kinder kirche klasse kleidung kohle kopf kosten kraft kreis
kunst land länder leben lehre leute leuten licht liebe luft macht männer maschine maschinen material mensch menschen
minuten mittag monate monaten morgen musik nacht nähe name namen natur not öl ordnung ort papier pferde pflicht plan
pläne platz preis preise punkt raum recht rede reihe reise richtung ruhe sache sachen satz schiff schiffe schnee
schritt
schuld schutz see seiten sicht sinn sitz sommer sonne spiel sprache stadt städte stahl stein stelle stimme stoff
straße straßen stück stunde stunden tag tage tagen tages teile tiere tod ton tür türen uhr ursache verkehr versuch
volk
vorschlag waffen wahrheit waren wasser weg wege weise wein welt werk werke wert wetter wind winter wirtschaft wissen
woche wochen wohnung wort worte wunsch zahl zahlen zeichen zeit zeiten zeitung ziel zimmer zug züge zustand zweck
""")
GERMAN_NOUN_ENDINGS = word_list(
    "ung ungen heit keit schaft tion tionen ismus tät nis nisse ling tum eur ieur enz anz ei chen lein igkeit heiten"
    " keiten erin innen ern rechte ende ling linge arbeiten"
)
# English words that often open a sentence, and are in no list above.
OPENERS = word_set("""
according additionally altogether apart based beginning both built consequently considering critics despite dear
eventually evidently everyone experts following generally given hundreds thousands millions initially interestingly
ironically let's long locals many meanwhile modern nearly new nowadays occasionally officials old opponents originally
others overall people previously probably regarding researchers residents scholars scientists similarly slowly small
some sometimes suddenly supporters surely three four five six seven eight nine ten eleven twelve twenty thirty forty
fifty sixty seventy eighty ninety second third fourth true twice thrice ultimately under unlike usually various
whatever witnesses women workers men children ships money water work nature time history science art life death
young good great high early late dozens none rumours rumors nothing can't don't won't it's that's there's he's she's
i'm i've i'll you're we're they're what's who's here's isn't didn't wasn't couldn't wouldn't shouldn't
wagons boats letters prices plans news orders reports half most several
damals heute gestern morgen früher später seitdem dabei neben trotz zunächst
hier aujourd'hui autrefois jadis ensuite enfin
""")
GEO_PREPOSITIONS = {
    "in": 2.0, "at": 2.0, "near": 2.0, "from": 1.0, "to": 0.5, "towards": 1.0, "toward": 1.0, "outside": 1.5,
    "around": 0.5, "through": 0.5, "across": 1.0, "between": 0.3,
    "nach": 1.5, "bei": 1.0, "aus": 1.5, "nahe": 1.5, "bis": 0.5,
    "à": 2.0, "en": 1.5, "vers": 1.0, "dans": 1.0, "près": 1.0,
}  # fmt: skip

PLACE_NOUNS = word_set("""
city town village port harbour harbor island islands river lake region province district county country capital suburb
street streets quay quays suburbs coast bay mountain mountains people inhabitants citizens mouth banks valley
stadt dorf hafen insel fluss see region provinz bezirk land hauptstadt vorort straße
ville village port île rivière fleuve lac région province pays capitale rue rues quartier près habitants
kaupunki kylä satama saari joki järvi maakunta maa pääkaupunki
""")
GROUP_NOUNS = word_set("""
company firm bank agency organisation organization institute association society union party newspaper magazine
brand manufacturer shipyard publisher startup cooperative college university school museum council
firma gesellschaft bank behörde verein verband partei zeitung werft verlag universität
entreprise société banque agence association parti journal université
yhtiö yritys pankki virasto järjestö puolue lehti yliopisto
""")
DIRECTIONS = word_set("""
north south east west northeast northwest southeast southwest outside upstream downstream nördlich südlich östlich
westlich unweit nahe nord sud est ouest
""")
PLACE_OPENERS = word_set("""
le la les los las san santa são saint st sankt new bad mount mt lake cape port fort isle lower upper great neu alt
north
south east west
""")
