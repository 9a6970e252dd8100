"""Function words of English, German, French and Finnish, and which of these languages a text is in."""

from collections.abc import Iterable

from fileintel.builtin_model.wordlists import word_set
from fileintel.llm.sentence_ends import MONTHS

ENGLISH = word_set("""
a about above across after again against ago all almost alone along already also although always am among an and
another any anybody anyone anything anyway are around as aside at away back be became because become been before
behind being below beneath beside besides between beyond both but by came can cannot come could did do does doing done
down during each either else elsewhere enough even ever every everybody everyone everything everywhere except few
finally first for former formerly fortunately from further furthermore gave get given go goes gone got had half has
have having he hence her here hers herself him himself his how however i if in indeed inside instead into is it its
itself just last later latter least less let like likewise little lot made make many may maybe me meanwhile might mine
more moreover most mostly much must my myself near nearly neither never nevertheless next no nobody none nonetheless
nor not nothing notwithstanding now nowhere of off often oh on once one only onto or other others otherwise our ours
ourselves out outside over own per perhaps please quite rather really same say says see seem seemed several shall she
should similarly since so some somebody someone something sometimes somewhere soon still such than that the their
theirs them themselves then there thereafter therefore thereupon these they this those though through throughout thus
till to today together tomorrow tonight too toward towards two under unfortunately unless unlike until up upon us very
via was we well went were what whatever when whenever where whereas wherever whether which while who whoever whole
whom whose why will with within without would yes yesterday yet you your yours yourself
""")

GERMAN = word_set("""
aber ab alle allem allen aller allerdings alles als also am an ander andere anderem anderen anderer anderes anders
auch
auf aus außer außerdem bald bei beide beiden beim bereits besonders bevor bin bis bisher bist da dabei dadurch dafür
dagegen daher dahin damals damit danach daneben dann daran darauf daraus darf darin darüber darum darunter das dass
davon davor dazu dein deine dem den denen denn dennoch der deren des deshalb dessen desto deswegen die dies diese
diesem diesen dieser dieses doch dort drei du durch dürfen eben ebenfalls ebenso ehe eher eigentlich ein eine einem
einen einer eines einige einigen einiger einiges einmal endlich entweder er erst erste ersten es etwa etwas euch euer
fast für ganz ganze gar gegen gegenüber genau gerade gern gewesen gibt ging gleich gut hab habe haben hat hatte hatten
hätte hätten her herum heute hier hin hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer ihres im immer in indem
innerhalb ins inzwischen irgend ist ja je jede jedem jeden jeder jedes jedoch jene jenem jenen jener jenes jetzt kam
kann kaum kein keine keinem keinen keiner keines können könnte konnte konnten lange langsam laut letzte letzten man
manche manchen mancher manchmal mehr mehrere mein meine meist mich mir mit möchte muss müssen musste mussten nach
nachdem nachher nämlich neben nein nicht nichts nie niemand noch nun nur ob oben obgleich obwohl oder oft ohne paar
schließlich schon sehr seid sein seine seinem seinen seiner seines seit seitdem seither selbst sich sie siehe sind so
sobald sofort sogar solche solchen solcher soll sollen sollte sollten somit sondern sonst soweit sowie spät später
statt
stets trotz trotzdem über überall um und uns unser unsere unter viel viele vielen vielleicht vom von vor vorher
während wann war ward waren warum was weder wegen weil weiter weitere weiteren welche welchen welcher welches wenig
wenige wenn wer werden weshalb wie wieder wieso will wir wird wirklich wo wobei wohl wollen wollte worden wurde wurden
würde würden zu zudem zuerst zuletzt zum zunächst zur zurück zusammen zuvor zwar zwei zwischen
""")

FRENCH = word_set("""
afin ai ailleurs ainsi alors après assez au aucun aucune aujourd'hui auparavant auprès auquel aussi aussitôt autour
autre autres aux auxquels avaient avait avant avec avoir ayant beaucoup bien bientôt ça car ce ceci cela celle celles
celui cependant certain certaine certaines certains ces cet cette ceux chacun chacune chaque chez ci comme comment
contre dans davantage de dehors déjà demain depuis derrière des dès désormais dessous dessus deux devant devait doit
donc dont du durant elle elles en encore enfin ensuite entre envers est et étaient était été être eu eux fait fit fois
font furent fut hier hors ici il ils jamais je jusqu jusque juste la là laquelle le lequel les lesquels leur leurs
longtemps lors lorsque lui ma maintenant mais malgré me même mêmes mes mieux moi moins mon ne néanmoins ni non nos
notre nous nul on ont or ou où outre par parce parfois parmi partout pas pendant peu peut peut-être peuvent plus
plusieurs plutôt pour pourquoi pourtant pouvait près presque puis puisque quand quant que quel quelle quelles quelque
quelques quels qui quiconque quoi quoique rien sa sans sauf se selon sera ses seul seule seulement si sien soi soit
son sont souvent sous suis sur surtout ta tandis tant tard te tel telle telles tels tes toi ton tôt toujours tous tout
toute toutefois toutes très trop tu un une vers voici voilà vos votre vous y
""")

FINNISH = word_set("""
aika aina ainakin ainoastaan alle alla alta aluksi ansiosta edelleen edessä ehkä ei eikä eivät eli ellei emme en
enemmän
ennen enää ensi ensimmäinen ensin entä eräs eräät esimerkiksi että etkä ette eteen hän häneen hänelle hänen häntä he
heidän heille heitä hetken huolimatta hyvin ilman itse ja jälkeen jo johon joiden joihin joista joita joka jokainen
jokin joko jolla jolle jolloin jonka jopa jos joskus josta jota jotka jotta joten jossa joukossa juuri kahden kai
kaikki
kaikkien kanssa kaksi kautta kerran keskellä kesken kohti koko koska koskaan kuin kuinka kuitenkin kun kuten kyllä
lisäksi luona lähellä läpi me meidän mikä mikään millainen milloin minkä minne minun minä missä mistä mitä mitään
molemmat
monet moni mukaan mutta muu muun muut muiden myöhemmin myös myöskin ne nehän niiden niihin niin niissä niistä niitä
noin
nuo nyt näiden näin nämä näitä ole olen olet olemme oleva oli olisi olivat olla olleet ollut on ovat paitsi paljon
pian pitkin puolesta päällä päälle sama samalla sekä sellainen sen se seuraava siellä sieltä siihen siinä siis
siitä sinne sinä sitten sitä tai takana takia te tuo tuolloin tämä tämän tällä tällöin täällä tässä tästä tätä
uudelleen
usein useat vaan vai vaikka vain varten vasta vastaan vielä viimein voi voidaan voivat vuoksi yhä yksi yli ympäri
""")

LANGUAGES: dict[str, frozenset[str]] = {"en": ENGLISH, "de": GERMAN, "fr": FRENCH, "fi": FINNISH}
STOPWORDS = ENGLISH | GERMAN | FRENCH | FINNISH

# Words of the calendar are capitalised in English and German, and are never a name alone.
CALENDAR = MONTHS | word_set("""
monday tuesday wednesday thursday friday saturday sunday mondays tuesdays wednesdays thursdays fridays saturdays
sundays
montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag
lundi mardi mercredi jeudi vendredi samedi dimanche
maanantai tiistai keskiviikko torstai perjantai lauantai sunnuntai
spring summer autumn winter christmas easter frühling frühjahr sommer herbst weihnachten ostern pfingsten noël pâques
century centuries bc ad bce ce jahrhundert siècle vuosisata
""")


def language_of(words: Iterable[str]) -> str:
    """The code of the language whose function words are the most frequent among the lower-case `words`."""
    counts = dict.fromkeys(LANGUAGES, 0)
    for word in words:
        if word in STOPWORDS:
            for code, listed in LANGUAGES.items():
                if word in listed:
                    counts[code] += 1
    return max(counts, key=lambda code: counts[code])  # the first of equals: English
