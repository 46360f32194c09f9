"""The words by which sentences of reports are told apart, as patterns; English and German in one.

They are for texts in small letters: patterns that tell no cases apart are several times as slow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = [
    "ANATOMY", "COMPARISON_ONLY", "CONTRAST", "DENIES_AFTER", "DENIES_BEFORE", "EARLIER", "EARLIER_ONLY", "ELSEWHERE", "FINDING",
    "NORMAL", "NO_DENIAL", "PLACELESS", "UNCERTAIN", "WHOLE_BODY",
]  # fmt: skip


def _words(*patterns: str) -> re.Pattern[str]:
    """Compile alternatives, each at the start of a word."""
    return re.compile(rf"(?<!\w)(?:{_by_first_letter(patterns)})")


def _stems(text: str) -> re.Pattern[str]:
    """Compile stems that may stand anywhere in a word, as German compounds need."""
    bounded = [stem[2:] for stem in text.split() if stem.startswith(r"\b")]
    anywhere = [stem for stem in text.split() if not stem.startswith(r"\b")]
    return re.compile(rf"{_by_first_letter(anywhere)}|\b(?:{_by_first_letter(bounded)})")


def _by_first_letter(patterns: Iterable[str]) -> str:
    """Return one pattern of all; those that begin with one letter stand together, so that few are tried at each place."""
    groups: dict[str, list[str]] = {}
    for pattern in patterns:
        letter = (
            pattern[0] if pattern[0].isalpha() and pattern[1:2] not in ("?", "*", "|") and not _splits(pattern) else ""
        )
        groups.setdefault(letter, []).append(pattern[len(letter) :])
    return "|".join(f"{letter}(?:{'|'.join(rest)})" if letter else "|".join(rest) for letter, rest in groups.items())


def _splits(pattern: str) -> bool:
    """Whether a pattern has alternatives outside brackets."""
    return "|" in re.sub(r"\((?:[^()]|\([^()]*\))*\)", "", pattern)


#: Something that a report would affirm or deny.
FINDING = _stems(
    r"""
    nodul \bmass(?:es)?\b lesion läsion tumou?r metasta cyst zyst effusion erguss ergüss consolidat konsolidier infiltrat
    opacit verschattung verdichtung ground[-\s]glass milchglas atelecta atelekta dystelekta emphysem \bbulla blebs
    bronchiecta bronchiekta ektatisch ectatic fibros fibrot narb \bscar thicken verdick calcif verkalk \bkalk koronarkalk
    sklero scleros atheroma plaque stents?\b thromb embol aneurysm dissect dissektion hernia hernie fractur fraktur
    stones?\b calcul konkrement stein(?:e|en|s)?\b lithiasis hydroneph harnstau stauung congesti steatos verfett fatty
    adenopath enlarge vergrößer dilat(?:at|ed|ion|ierung|iert) erweiter widen stenos pneumothora pneumon absce absze
    ha?emorrh blutung hämatom ha?ematoma ascites aszites fluid flüssigkeit free\sair freie\sluft ödem o?edema granulom
    adenom angiom carcinom karzinom defe[ck]t device pacemaker schrittmacher catheter katheter \bdrain \bport\b portkatheter
    prosthes prothese \bclips? osteophyt degenerat spondyl osteoly listhes herde?s?\b rundherd raumforder polyp divert
    inflamm entzünd necro nekro infarct infarkt kerley septen mosaic mosaik air[-\s]trapping crazy tree[-\s]in[-\s]bud
    cardiomegal kardiomegal goitre goiter struma collapse belüftungsstör minderbelüft inhomogene\sbelüftung destru[ck]
    abnormal auffälligkeit patholog malign suspi[ck] suspekt implant material displac kyphos skolios scolios perforat ileus
    obstruct compress kompression invagin volvulus honeycomb wabe reticul retikul cavit kavern kaverne bands?\b dystrop
    atroph pneu\b thymom \bmyom fibroid \bicd\b klappenersatz kunstklapp herzklappe heart\svalve valve\srepl
    plattenimpression filters?\b \bzvk\b hydrothora free\sgas \btubes?\b volume\sloss sequel neoplas \blines?\b \bggo\b
    fixation hardware spiculat trapped bruch\b cerclage \bcvc\b
    höhle höhlenbildung schiene\b \bpicc luft\b aussparung lith\b liths\b megal(?:y|ie) intubation \bdj\b lymphom
    einschmelz prozess
    """
)  # fmt: skip

#: A place in chest, abdomen or pelvis.
ANATOMY = _stems(
    r"""
    \blung lunge \blobe lappen lingula apex apical apikal \bbasal liver leber hepat spleen splen \bmilz kidney niere \brenal
    adrenal pancrea pankrea gallbladder gallenblase \bbile gallengang gallenwege aort heart herz cardiac kardial coronar
    koronar atrium atria ventric ventrik vorhof kammer pericard perikard pleura mediastin \bhil(?:um|ar|us|är) trachea
    carina karina bronch esophag ösophag stomach magen gastr duoden jejun \bile(?:um|al) bowel \bdarm dünndarm dickdarm
    colon kolon sigma sigmoid flexur rectum rektum c(?:a)?ecum zökum zäkum coecum append bladder blase prostat
    uter(?:us|ine) ovar vertebra wirbel \b[tlc]\s?\d{1,2}\b \bth\.?\s?\d [bhl]wk spine spinal \bribs? rippe stern(?:um|al)
    manubr xipho clavic klavi clavik schlüsselbein scapula skapula schulter shoulder humer femor pelvi becken sacr sakr
    kreuzbein ili(?:ac|aca|akal) darmbein acetab azetab hüft \bhips? ischi sitzbein symphys pubi trochanter thyroid
    schilddrüse arter vein vene \bvena venös azygos portal pfortader lymph\snode lymphknoten axill diaphragm zwerchfell
    chest\swall thoraxwand brustwand abdominal\swall bauchwand muscl muskel larynx kehlkopf hyoid zungenbein cricoid
    ringknorpel mamm breast \bbrust skull schädel mandib unterkiefer truncus trunk coeliac celiac mesent retroperit periton
    inguinal leiste umbilic nabel supraclav costophren sinus\sphren recess jugular jugul subclav carotid karoti
    brachiocephal oberfeld mittelfeld unterfeld neck\b \bhals \bbody\b coccyx steißbein psoas iliopso glute rectus dens\b
    atlas scalen sternoclei \bbases\b \bgullet windpipe backbone breastbone collarbone hip\sbone womb hemithora pe[ck]toral
    \b[rl][uml]l\b azygo
    """
)  # fmt: skip

#: Bodies outside chest, abdomen and pelvis.
ELSEWHERE = _stems(
    r"""
    \bbrain \bgehirn cerebr zerebr intracran intrakran \bknee \bknie kniegelenk ankle sprunggelenk menisc menisk \borbit
    paranasal sinusitis maxillar kreuzband cruciate \bwrist handgelenk scaphoid skaphoid \bradius distale\sradius tibia
    fibula poplite hallux carpal karpal pituitar hypophys molar zahn white\smatter marklager mediainf katarakt cataract
    gonarthr rhizarthr \bhand\b \bfoot\b
    """
)  # fmt: skip

#: Denies what follows.
DENIES_AFTER = _words(
    r"no(?!\w)(?!\.)", r"without\b", r"absence of", r"absent\b(?=\s+\w)", r"negative for", r"free of", r"free from",
    r"nothing to suggest", r"neither", r"nor\b", r"never\b", r"lack of", r"ruled out:?\s",
    r"(?:do|does|did) not (?:suggest|show|demonstrate|reveal|indicate)", r"not any", r"rules out", r"exclusion of",
    r"complete resolution", r"resolution of", r"resolved", r"kein(?:e[mnrs]?)?\b", r"keinerlei", r"ohne\b", r"weder",
    r"frei von", r"ausschluss", r"komplette rückbildung", r"vollständige rückbildung",
    r"nicht (?:mehr )?(?:nachweisbar|erkennbar|sichtbar)e[mnrs]?\b", r"unauffällig\w* ohne", r"rather than",
)  # fmt: skip
#: Denies what stands before.
DENIES_BEFORE = _words(
    r"(?:is|are|was|were|has|have)?\s*not (?:been )?(?:seen|identified|visible|visuali[sz]ed|present|demonstrated|"
    r"detected|found|evident|shown|appreciated|observed|noted|included|imaged|covered|depicted|part of|"
    r"recogni[sz]\w+|any longer)",
    r"absent\b", r"(?:is|are) excluded", r"(?:has been |have been |are |is )?ruled out",
    r"(?<=: )(?:none|nil)\b", r"(?<=: )no\W*$",
    r"none (?:seen|found|detected)", r"no longer", r"(?:has|have) (?:completely |fully )?(?:resolved|cleared|disappeared)",
    r"completely resolved",
    r"(?:has |have )?(?:fully|completely) regressed", r"resolved(?=\W*$)", r"(?:is|are) gone\b",
    r"excluded\b(?<!not excluded)", r"outside the (?:field|scan)",
    r"nicht (?:mehr )?(?:eindeutig )?(?:nachweis\w*|nachzuweisen|erkennbar|erkenntlich|sichtbar|vorhanden|"
    r"abgrenzbar|abzugrenzen|zu sehen|zu erkennen|darstellbar|dargestellt|gegeben|ersichtlich|erfasst|miterfasst|"
    r"abgebildet|teil der|festzustellen|vorliegend|gefunden)",
    r"ausgeschlossen", r"(?<=: )nein\b", r"(?<=: )keine?[rs]?\W*$",
    r"(?:vollständig|komplett) (?:regredient|rückläufig|rückgebildet|verschwunden)",
    r"verschwunden", r"außerhalb des", r"\bnegativ\b",
)  # fmt: skip
#: Looks like a denial and is none.
NO_DENIAL = _words(
    r"no (?:significant |relevant |interval |appreciable |major )*change",
    r"no (?:interval )?(?:growth|increase|decrease|progression)",
    r"(?:can(?:not|'t)|can not|could not|not) (?:be )?(?:safely |definitely |entirely |fully )?(?:excluded|"
    r"ruled out)",
    r"not (?:only|certain|clear)", r"no doubt", r"no later",
    r"without (?:significant |relevant |interval )*(?:change|growth)", r"without (?:i\.?\s?v\.?|intravenous|contrast|iv)\b",
    r"(?:status|zustand) ohne",
    r"keine (?:wesentliche |relevante |signifikante )*(?:änderung|befundänderung|veränderung|größenänderung|dynamik|"
    r"befunddynamik)",
    r"kein(?:e)? (?:wachstum|größenzunahme|zweifel|progress)",
    r"nicht (?:sicher |vollständig |gänzlich )?(?:auszuschließen|ausgeschlossen|ausschließbar)",
    r"nicht (?:nur|sicher|eindeutig|mehr als)\b(?! (?:nachweis|erkenn|sicht|abgrenz))",
    r"ohne (?:wesentliche |relevante )*(?:änderung|veränderung|größenänderung|dynamik)",
    r"ohne (?:i\.?\s?v\.?|kontrastmittel|km)\b", r"nicht vollständig",
)  # fmt: skip
#: What denies ends here, and what stands before is another statement.
CONTRAST = re.compile(
    r";|,?\s+(?:but|however|except|apart from|other than|although|though|while|whereas|aber|jedoch|allerdings|hingegen|außer|"
    r"bis auf|abgesehen von|sondern|während|lediglich|sonst)\b"
    r"|,\s*(?:stable|unchanged|with\b|mild|small|minimal|known|bekannt\w*|stationär\w*|unverändert\w*|kleine[rsn]?|"
    r"geringe[rsn]?|dort|hier)\b",
)
#: Calls something normal.
NORMAL = _words(
    r"unremarkable", r"normal\w*", r"clear(?:ly normal)?\b(?!ed)", r"intact", r"patent", r"within normal", r"regular\b",
    r"homogen\w*", r"symmetric\w*",
    r"not (?:abnormally |pathologically )?(?:enlarged|dilated|widened|thickened|distended|displaced|aneurysmal|"
    r"narrowed|displace|compress)\w*",
    r"preserved", r"age[- ]appropriate", r"age[- ]related changes only",
    r"no (?:relevant |focal |acute |other |further |significant |suspicious )*(?:abnormalit|patholog|finding|lesion|"
    r"wall thickening|mass|fracture|aneurysm|stenosis|narrowing|bone)\w*",
    r"without (?:abnormalit|patholog|focal|finding|evidence of disease)\w*",
    r"well[- ](?:seen|visuali[sz]ed|defined|aerated|expanded|demarcated|delineated|preserved)", r"aerated", r"of normal",
    r"widely patent", r"unauffällig\w*", r"regelrecht\w*", r"regelhaft\w*", r"normkalib\w*", r"altersentsprech\w*",
    r"altersgerecht\w*", r"zart(?:wandig\w*)?\b", r"frei\b", r"freie? (?:durchgängig|belüftet)\w*", r"intakt\w*",
    r"o\.\s?b\.", r"ohne (?:befund|auffälligkeit|pathologisch|fokal)\w*",
    r"nicht (?:vergrößert|erweitert|dilatiert|verdickt|gestaut|verlagert|eingeengt|verbreitert)", r"schlank\w*",
    r"seitengleich\w*", r"orthotop\w*", r"gut (?:abgrenzbar|belüftet|einsehbar|dargestellt)",
    r"kein(?:e[nr]?)? (?:relevante[rn]? |akute[rn]? |weiteren? |pathologische[rn]? |suspekte[rn]? |fokale[rn]? |"
    r"ossäre[rn]? )*(?:auffälligkeit|befund|patholog|läsion|herd|wandverdickung|raumforderung|fraktur|aneurysma|"
    r"stenose|knochendestruktion|passagestörung|infiltrat|rundherd|konsolidierung)\w*",
)  # fmt: skip
#: Normal words about all of these point nowhere.
WHOLE_BODY = _words(
    r"(?:the )?lungs are", r"both lungs", r"lungen\b", r"(?:visuali[sz]ed |imaged |miterfasste )?organe?s?\b", r"bones\b",
    r"soft tissues?", r"weichteile\b(?! (?:des|der))", r"knöcherne", r"oss(?:eous|är)",
    r"examination|study|untersuchung|ct of the|befund\b|thoraxbefund",
)  # fmt: skip
UNCERTAIN = _words(
    r"possibl\w+", r"suspected", r"suspicio(?:us for|n)", r"compatible with", r"consistent with", r"questionabl\w+",
    r"probabl\w+", r"(?:most |un)?likely", r"(?:can(?:not|'t)|can not|not) be (?:\w+ )?(?:excluded|ruled out)",
    r"may (?:be|represent|reflect|indicate)", r"might", r"could (?:be|represent|reflect)", r"presum\w+",
    r"suggest(?:s|ive|ing)\b", r"concerning for", r"equivocal", r"indeterminate", r"differential", r"dd\b", r"v\.\s?a\.",
    r"verdacht\w*", r"verdächtig\w*", r"hinweis(?:e)? auf", r"fraglich\w*", r"möglich\w*", r"möglicherweise",
    r"(?:nicht )?(?:sicher )?auszuschließen", r"(?:am )?ehesten", r"a\.\s?e\.", r"wahrscheinlich\w*", r"vereinbar",
    r"vermut\w+", r"zu vermuten", r"mutmaßlich\w*", r"unklar\w*", r"unspezifisch\w*", r"versus\b", r"vs\.", r"dringend",
    r"concern for", r"cannot exclude",
)  # fmt: skip
#: Speaks of an earlier study or compares with one.
EARLIER = _words(
    r"unchanged", r"stable", r"again\b", r"known\b", r"persist\w*", r"as before", r"as described", r"since\b",
    r"previous\w*", r"prior\b(?! to)", r"former\w*", r"larger", r"smaller", r"increas\w+", r"decreas\w+",
    r"less than before", r"now\b", r"new\b", r"newly", r"no longer", r"resol(?:ved|ution)", r"has cleared", r"residual",
    r"interval\b", r"progress\w*", r"regress\w*", r"compar\w+", r"seen before", r"grown", r"in the course of time",
    r"follow-up of", r"neu\b", r"neu aufgetreten\w*", r"bekannt\w*", r"vorbekannt\w*", r"stationär\w*", r"konstant\w*",
    r"unverändert\w*", r"wie vorb\w*", r"vorbeschrieben\w*", r"progredient\w*", r"größenprogredient\w*", r"regredient\w*",
    r"zunehmend\w*", r"abnehmend\w*", r"zugenommen", r"abgenommen", r"rückläufig\w*", r"rückbildung", r"aktuell\w*",
    r"nicht mehr", r"(?:kein(?:e[nr]?)?|mehr)\b(?=.*\bmehr\b)", r"voruntersuchung\w*", r"voraufnahme\w*", r"vorbefund\w*",
    r"vor-?ct\b", r"zuvor", r"ehemals", r"vormals", r"im verlauf(?! de[rs]\b)", r"im vergleich", r"vergleich\b",
    r"befundkonstanz",
    r"gegenüber (?:der|dem)", r"seit\b", r"wie (?:im )?vor", r"größenkonstant\w*", r"weiterhin", r"still\b", r"remains",
    r"verlauf(?! de[rs]\b)\w*", r"stabil\w*", r"progress\b", r"befund(?:ä|dyn)\w*",
)  # fmt: skip
#: A comparison in general, or what was done: it points nowhere unless it affirms a finding.
COMPARISON_ONLY = _words(
    r"status post", r"z\.\s?n\.",
    r"compar\w+", r"vergleich\w*", r"prior (?:study|studies|ct)", r"previous (?:study|examination)", r"voruntersuchung\w*",
    r"voraufnahme\w*", r"befundkonstanz",
)  # fmt: skip
#: Told of an earlier study alone.
EARLIER_ONLY = re.compile(
    r"^\W*(?:on|in|at)\s+(?:the\s+)?(?:prior|previous|earlier)\b(?!.*\b(?:now|currently|today|is|are)\b)"
    r"|^\W*(?:in|auf)\s+de[rnm]\s+(?:voruntersuchung|voraufnahme|vor-?ct)\w*(?!.*\b(?:jetzt|aktuell|nun|heute|ist|sind)\b)"
    r"|^\W*im\s+vor-?(?:ct|befund)\b(?!.*\b(?:jetzt|aktuell|nun|heute|ist|sind)\b)",
)
#: Technique, history, advice, administration.
PLACELESS = _words(
    r"recommend\w*", r"empfohlen", r"empfehl\w+", r"advised", r"suggested(?! by)", r"follow-up (?:ct|in|is|imaging|of)",
    r"consider(?:ed)?\b", r"correlat\w+", r"korrel\w+", r"further (?:evaluation|work-?up|clarification)",
    r"(?:verlaufs|ct-)?kontrolle (?:in|nach)", r"verlaufskontrolle", r"abklärung", r"vorstellung im", r"tumou?r ?board",
    r"tumorkonferenz", r"zu erwägen", r"angeraten", r"zu diskutieren", r"screening", r"biopsy should", r"indication",
    r"indikation", r"fragestellung", r"frage nach", r"clinical (?:history|question|information|data)",
    r"klin(?:ik|ische angaben?)\b", r"anamnes\w*", r"history of", r"question\b", r"reason for", r"patient\w*\b", r"smoker",
    r"restaging", r"\w*phase\b", r"tumou?rerkrankung", r"tumou?r disease", r"staging",
    r"referr\w+", r"zuweis\w+", r"pre-?operativ\w*", r"präoperativ\w*", r"known chronic", r"elevated inflamm",
    r"erhöhte entzünd", r"weight loss", r"gewichtsverlust", r"fieber\b", r"fever\b", r"husten", r"luftnot", r"diabetes",
    r"technique", r"technik\b", r"\w*spiral\w*", r"helical", r"contrast-enhanced ct", r"km-gestützt\w*",
    r"contrast (?:medium|agent)", r"kontrastmittel", r"oral\w* kontrast\w*", r"oral contrast", r"ct[- ]angiograph\w*",
    r"slice thickness", r"schichtdicke", r"reconstruct\w*", r"\w*rekonstruktion\w*", r"reformat\w*", r"low-dose",
    r"tube voltage", r"röhrenspannung", r"dose\b", r"dosis\w*", r"supine", r"rückenlage", r"arms?\b (?:raised|above)",
    r"arme über", r"inspiration", r"acquired", r"protocol", r"protokoll", r"native? (?:ct|spiral|untersuch)\w*",
    r"non-contrast", r"\d+ ml", r"image quality", r"bildqualität", r"motion artefact", r"artefa[ck]t\w*",
    r"\w+artefakte\w*", r"limited (?:assessment|examination|evaluation)", r"assessment limited",
    r"eingeschränkte? beurteil\w*", r"diagnostic quality", r"bolus", r"noisy", r"verrausch\w*", r"degraded",
    r"beurteilbar\w*", r"opacification of", r"kontrastierung der", r"communicat\w+", r"discussed with", r"übermittelt",
    r"signed", r"signiert", r"dictated", r"telephon\w*", r"telefon\w*", r"referral", r"überweisung", r"gr(?:ü|u)ß\w*",
    r"kind regards", r"addendum", r"nachtrag", r"informed", r"aufgeklärt", r"einverständnis", r"prelim\w+", r"vorläufig\w*",
    r"report\b", r"befund folgt", r"separate\b", r"as above", r"wie oben", r"as described above", r"ansprechen",
    r"response to", r"(?:overall|insgesamt)\b", r"otherwise unremarkable", r"im übrigen unauff\w*", r"findings as",
)  # fmt: skip
