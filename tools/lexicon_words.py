"""Words that `lexicon.py` treats apart."""

# Left alone, and never given: words that hold a sentence together, verbs with a hundred meanings, numbers. WordNet has
# entries for many of them that nobody means: "a" is a blood type, "he" helium, "who" a health organization.
stop_words = """
the and nor but for yet than that this these those such same other another each every either neither both all any
some many much more most few fewer less least several enough own only very too
you him his her hers she its our ours they them their theirs mine your yours who whom whose which what when where
why how myself yourself himself herself itself ourselves yourselves themselves someone somebody anyone anybody
everyone everybody nobody one ones something anything everything nothing none
are was were been being has had have having does did done doing can could may might must shall should will would
ought need dare let lets get gets got gotten getting make makes made making take takes took taken taking give gives
gave given giving come comes came coming put puts putting set keep kept used seem
not yes now then here there once ever never always also just even still again already almost perhaps maybe quite
rather about above across after against along among around before behind below beneath beside besides between
beyond down during except from inside into like near off onto out outside over past per since through throughout
till toward towards under underneath until unto upon with within without via versus back away forth
because although though while whereas whether unless however therefore thus hence else instead
two three four five six seven eight nine ten eleven twelve hundred thousand million billion first second third half
please thanks hello okay well sir
"""
STOP_WORDS = frozenset(stop_words.split())

# Offensive words that no gloss of WordNet calls so.
offensive = """
bum colored coloured cretin damn damned gipsy goddam goddamn goddamned gypsy harlot heathen hussy idiot imbecile
infidel lunatic moron pagan savage slut strumpet trollop whore
"""
OFFENSIVE = frozenset(offensive.split())

# First names that are words too, beside those that WordNet lists with a capital.
names = """
april art august bill bob chase chip dale dean drew earl faith frank gene glen grace grant hank heather holly hope
iris ivy jack jasmine joy june lance lily mark mike miles nick norm olive pat pearl penny pierce ray reed rich rob
robin rose ruby rusty sandy skip sue victor violet wade ward
"""
NAMES = frozenset(names.split())
