//! The registry of diagnostic codes. A code is never reused; each has a page under `lang-spec/codes`.
//! By area: HP00xx syntax, HP01xx names, HP02xx types, HP03xx controls, HP04xx effects and data, HP05xx tests,
//! HP06xx history.

use std::fmt;

/// How much a diagnostic matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The policy means what it says, but perhaps not what was meant.
    Warning,
    /// There is no policy.
    Error,
}

impl Severity {
    /// The word for it in every output form.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal $severity:ident,)*) => {
        /// A stable diagnostic code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// Every code, in order.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The stable form: `HP0101`.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $code,)* }
            }

            /// How much it matters.
            #[must_use]
            pub fn severity(self) -> Severity {
                match self { $(Code::$name => Severity::$severity,)* }
            }

            /// The page that explains it, as Markdown.
            #[must_use]
            pub fn page(self) -> &'static str {
                match self {
                    $(Code::$name => include_str!(concat!("../../../lang-spec/codes/", $code, ".md")),)*
                }
            }
        }
    };
}

codes! {
    /// Something else was expected here.
    Unexpected = "HP0001" Error,
    /// A construct of the language that this version does not have.
    Unsupported = "HP0002" Error,
    /// A line in column 0 that does not begin an item.
    NotAnItem = "HP0003" Error,
    /// A bracket without its partner.
    Unbalanced = "HP0004" Error,
    /// A text whose closing quote is missing.
    OpenString = "HP0005" Error,
    /// An escape that does not exist.
    Escape = "HP0006" Error,
    /// `=`, `&&`, `||` or `!` for `==`, `and`, `or`, `not`.
    ForeignOperator = "HP0007" Error,
    /// `permit` or `deny` for `allow` or `block`.
    ForeignEffect = "HP0008" Error,
    /// `ac-6 (9)` for `AC-6(9)`.
    ControlForm = "HP0009" Error,
    /// Too many brackets inside each other.
    TooDeep = "HP0010" Error,
    /// A file, an item or a text that is too long.
    TooLong = "HP0011" Error,
    /// A number or a duration that does not fit.
    NumberRange = "HP0012" Error,
    /// A clause that stands twice.
    ClauseTwice = "HP0013" Error,
    /// A character that cannot be seen, or that changes the order in which others are shown.
    Invisible = "HP0014" Error,

    /// A name that nothing defines.
    UnknownName = "HP0101" Error,
    /// A name that is defined twice.
    DefinedTwice = "HP0102" Error,
    /// A file without its `package` line, or with several.
    PackageLine = "HP0103" Error,
    /// An import of a package that does not exist.
    UnknownPackage = "HP0104" Error,
    /// A name of a package that the file does not import.
    NotImported = "HP0105" Error,
    /// A name that the language keeps for itself.
    ReservedName = "HP0106" Error,
    /// A name that could mean two things.
    AmbiguousName = "HP0107" Error,
    /// Packages that import each other.
    ImportCycle = "HP0108" Error,

    /// An operator that does not fit the type of the fact.
    OperatorType = "HP0201" Error,
    /// A value that does not fit the type of the fact.
    ValueType = "HP0202" Error,
    /// A word that the closed list of the fact does not have.
    UnknownWord = "HP0203" Error,
    /// `==` or `!=` over a set.
    SetEquality = "HP0204" Error,
    /// An optional fact that is read without saying what absence means.
    Unguarded = "HP0205" Error,
    /// A default or a `has` for a fact that is never absent.
    NeverAbsent = "HP0206" Error,
    /// Facts of two protocols in one rule.
    TwoProtocols = "HP0207" Error,
    /// `on` names a connection whose protocol does not have the facts.
    OnContradicts = "HP0208" Error,
    /// A condition over the subject that reads something else.
    NotOfSubject = "HP0209" Error,
    /// A group that names a group.
    NestedGroup = "HP0210" Error,
    /// A condition that is too large.
    TooLarge = "HP0211" Error,
    /// A fact that stands where a condition is needed.
    NotACondition = "HP0212" Error,
    /// An empty list.
    EmptyList = "HP0213" Error,
    /// A condition that other protocols could meet too, in a rule that facts restrict to one.
    OneProtocol = "HP0214" Warning,
    /// A predicate that names itself, perhaps through others.
    RecursivePredicate = "HP0215" Error,
    /// A predicate with too few or too many values.
    PredicateValues = "HP0216" Error,
    /// A parameter that means nothing, or two things.
    Parameter = "HP0217" Error,
    /// A text in a form that the fact never has.
    NeverThisText = "HP0218" Error,
    /// Neither an address nor a network.
    NetworkForm = "HP0219" Error,
    /// A claim that cannot be read.
    UnreadableClaim = "HP0220" Error,
    /// A label, or a value of one, that no connection has.
    UnknownLabel = "HP0221" Error,
    /// Labels that no connection has together.
    NoConnection = "HP0222" Error,
    /// A time of the week that cannot be.
    ScheduleTime = "HP0223" Error,
    /// A time zone that does not exist.
    UnknownZone = "HP0224" Error,
    /// A target that connections label differently.
    TargetLabels = "HP0225" Error,

    /// A control that the catalogue does not have.
    UnknownControl = "HP0301" Error,
    /// A control that the catalogue has withdrawn.
    WithdrawnControl = "HP0302" Error,
    /// A control that nothing in the rule evidences.
    NotEvidenced = "HP0303" Error,
    /// A rule without `satisfies`.
    NothingClaimed = "HP0304" Error,
    /// A control that is claimed twice.
    ClaimedTwice = "HP0305" Error,
    /// A catalogue or a baseline that does not exist.
    UnknownCatalogue = "HP0306" Error,
    /// A reason for claims that need none.
    NeedlessReason = "HP0307" Warning,
    /// A reason without words.
    EmptyReason = "HP0308" Error,

    /// A rule that does nothing.
    NoEffect = "HP0401" Error,
    /// A rule with more than one effect.
    TwoEffects = "HP0402" Error,
    /// A mask of a class that nothing can find.
    NothingToMask = "HP0403" Error,
    /// A detector that does not exist.
    UnknownDetector = "HP0404" Error,
    /// A column on a connection that has none.
    ColumnConnection = "HP0405" Error,
    /// A column that is not written `schema.table.column`.
    ColumnForm = "HP0406" Error,
    /// A count or a time that an approval cannot have.
    ApprovalBounds = "HP0407" Error,
    /// A number of characters that a mask cannot keep.
    MaskBounds = "HP0408" Error,
    /// A protocol that the gateway does not speak.
    UnknownProtocol = "HP0409" Error,
    /// Connections with one target and different protocols.
    TargetProtocol = "HP0410" Error,
    /// An `allow` that nothing narrows.
    GrantsEverything = "HP0411" Warning,
    /// A limit that does not count rows.
    LimitForm = "HP0412" Error,
    /// A number of rows that a limit cannot have.
    LimitBounds = "HP0413" Error,
    /// A limit where there are no rows.
    LimitProtocol = "HP0414" Error,
    /// A JSON path that cannot be read.
    JsonPathForm = "HP0415" Error,
    /// A JSON path on a connection without JSON documents.
    JsonConnection = "HP0416" Error,
    /// An `observe` that does not stand once before an effect.
    ObserveForm = "HP0417" Error,
    /// Something behind `hash`.
    HashForm = "HP0418" Error,
    /// An exception that lacks a part.
    ExceptionParts = "HP0419" Error,
    /// An exception to a rule that neither blocks nor requires approval.
    NotNarrowable = "HP0420" Error,
    /// An exception that has ended.
    ExceptionEnded = "HP0421" Warning,
    /// A day that does not exist.
    EndDay = "HP0422" Error,
    /// A connection in observe.
    ConnectionObserved = "HP0423" Warning,
    /// A statement of responsibility that names nobody.
    NobodyResponsible = "HP0424" Error,

    /// A test that lacks a part or has it twice.
    TestParts = "HP0501" Error,
    /// An operation that the connection's protocol does not have.
    TestOperation = "HP0502" Error,
    /// An expectation that no outcome can meet.
    TestExpectation = "HP0503" Error,
    /// A time of a test that cannot be read.
    TestTime = "HP0504" Error,
    /// An address or a claim that no subject has.
    TestSubject = "HP0520" Error,

    /// A fact of the result outside of a history condition.
    ResultHere = "HP0601" Error,
    /// A history condition where none can stand.
    HistoryHere = "HP0602" Error,
    /// A window that is too short or too long.
    HistoryWindow = "HP0603" Error,
    /// A comparison of a history number that decides nothing.
    HistoryBound = "HP0604" Error,
    /// A fact that cannot be summed up or told apart.
    HistoryMeasure = "HP0605" Error,
    /// Something that cannot have happened before a test.
    TestBefore = "HP0606" Error,

    /// A rule without a title.
    NoTitle = "HP0640" Warning,
    /// A rule without a reason.
    NoReason = "HP0641" Warning,
    /// A name with capital letters.
    NameStyle = "HP0642" Warning,
    /// A name that is too long to say.
    LongName = "HP0643" Warning,
    /// A data class that says nothing about itself.
    Undocumented = "HP0644" Warning,
    /// Clauses in an order of their own.
    ClauseOrder = "HP0645" Warning,
    /// A condition of too many tests.
    LongCondition = "HP0646" Warning,
    /// A condition of too many levels.
    DeepCondition = "HP0647" Warning,
    /// `not` before something that is negative already.
    DoubleNegation = "HP0648" Warning,
    /// A title that says no more than the name.
    TitleIsName = "HP0649" Warning,
    /// A title that does not fit a line.
    LongTitle = "HP0650" Warning,
    /// A block that does not say what to do instead.
    NoMessage = "HP0651" Warning,
    /// A number whose zeros have to be counted.
    LongNumber = "HP0652" Warning,
    /// The same people described in several rules.
    InlineGroup = "HP0653" Warning,
    /// A reason that says what the title says.
    ReasonIsTitle = "HP0654" Warning,
    /// A reason of a word or two.
    ShortReason = "HP0655" Warning,
    /// Work that was put off.
    Unfinished = "HP0656" Warning,
    /// `has` joined by `or` over one fact.
    HasOneByOne = "HP0657" Warning,
    /// `==` joined by `or` over one fact.
    EqualOneByOne = "HP0658" Warning,
    /// `has` joined by `and` over one fact.
    HasAllOneByOne = "HP0659" Warning,
    /// A time in a unit that is too small for it.
    DurationUnit = "HP0660" Warning,
    /// A title that ends as a sentence does.
    TitlePeriod = "HP0661" Warning,
    /// A comment that allows a finding which is not there.
    UnusedAllow = "HP0690" Warning,
    /// A comment that allows a finding without saying why.
    AllowWithoutReason = "HP0691" Warning,
    /// A comment for the linter that cannot be read.
    UnreadableAllow = "HP0692" Warning,
    /// A member that a list has twice.
    RepeatedMember = "HP0701" Warning,
    /// A list of one member.
    OneMember = "HP0702" Warning,
    /// A part of a condition that stands twice.
    RepeatedTest = "HP0703" Warning,
    /// Parts of a condition that exclude each other.
    NeverHolds = "HP0704" Warning,
    /// Parts of a condition of which one always holds.
    AlwaysHolds = "HP0705" Warning,
    /// Bounds between which no number lies.
    EmptyRange = "HP0706" Warning,
    /// A test of a count that tells nothing.
    TrivialCount = "HP0707" Warning,
    /// A text whose letters are of several scripts.
    MixedScripts = "HP0708" Warning,
    /// A secret in a text.
    SecretInText = "HP0709" Warning,
    /// A group that nothing names.
    UnusedGroup = "HP0710" Warning,
    /// A predicate that nothing names.
    UnusedPredicate = "HP0711" Warning,
    /// A data class that nothing names.
    UnusedData = "HP0712" Warning,
    /// A connection that nothing names.
    UnusedConnection = "HP0713" Warning,
    /// An import of which nothing is used.
    UnusedImport = "HP0714" Warning,
    /// Two names that differ in next to nothing.
    SimilarNames = "HP0715" Warning,
    /// Two connections of one package with one target.
    SameTarget = "HP0716" Warning,
    /// Two groups with one condition.
    SameGroup = "HP0717" Warning,
    /// A place that a data class names twice.
    RepeatedPlace = "HP0718" Warning,
    /// An allow by a path prefix that ends in the middle of a name.
    OpenPrefix = "HP0719" Warning,
    /// People told by the beginning of an identity.
    GuessableSubject = "HP0720" Warning,
    /// An approval that waits too short or too long.
    ApprovalTime = "HP0721" Warning,
    /// A mask that keeps much.
    MuchKept = "HP0722" Warning,
    /// A limit that limits nothing.
    GenerousLimit = "HP0723" Warning,
    /// An allow that says only what it does not grant.
    GrantByExclusion = "HP0724" Warning,
    /// An allow that asks whether something is there, not whether anything else is.
    AllowHas = "HP0725" Warning,
    /// A block that something harmless beside gets around.
    BlockWithin = "HP0726" Warning,
    /// A network of a list that lies in another of it.
    OverlappingNetworks = "HP0727" Warning,
    /// Networks of one family, where addresses of the other get through.
    OneFamily = "HP0728" Warning,
    /// A package most of whose rules satisfy nothing.
    NothingSatisfied = "HP0801" Warning,
    /// A reason for a claim that gives none.
    ShortClaimReason = "HP0802" Warning,
    /// A package with rules that does not say its catalogue.
    NoCatalogue = "HP0803" Warning,
    /// A catalogue without a baseline.
    NoBaseline = "HP0804" Warning,
    /// A claim for a control that the baseline does not have.
    OutsideBaseline = "HP0805" Warning,
    /// A control whose every claim is weak.
    OnlyWeak = "HP0806" Warning,
    /// A rule in observe that claims controls.
    ObservedClaim = "HP0807" Warning,
    /// A rule that claims much.
    ManyClaims = "HP0808" Warning,
    /// A reason that several rules share.
    SameReason = "HP0809" Warning,
    /// A control that hangs on one rule.
    OneRuleControl = "HP0810" Warning,
    /// A rule that no test names.
    UntestedRule = "HP0851" Warning,
    /// Rules that grant, and no test that is let through.
    NoAllowTest = "HP0852" Warning,
    /// A test that names a rule and no control.
    NoCiting = "HP0853" Warning,
    /// A test that does not say who blocks.
    BlockByAny = "HP0854" Warning,
    /// Blocking rules, and tests that only show the default.
    OnlyDefaultDeny = "HP0855" Warning,
    /// A test that asks what another one asks.
    SameTest = "HP0856" Warning,
    /// A group in a test that no policy asks for.
    StrayGroup = "HP0857" Warning,
    /// Rules without any test.
    NoTests = "HP0858" Warning,
    /// A mask that no test expects.
    UntestedMask = "HP0859" Warning,
    /// A connection on which no test runs.
    UntestedConnection = "HP0860" Warning,
    /// A rule that no operation matches.
    Unreachable = "HP0901" Warning,
    /// A rule whose condition is true of nothing.
    Contradictory = "HP0902" Warning,
    /// A part of a condition that always holds.
    PartAlwaysTrue = "HP0903" Warning,
    /// A rule that stronger ones always overrule.
    Shadowed = "HP0904" Warning,
    /// A rule that others make needless.
    Redundant = "HP0905" Warning,
    /// An approval of what is blocked anyway.
    ApprovalDefeated = "HP0906" Warning,
    /// An operation that takes the approval of two groups.
    DifferentApprovers = "HP0907" Warning,
    /// Approvers who ask as well.
    RequesterMayApprove = "HP0908" Warning,
    /// Two masks of one class that meet.
    ConflictingMasks = "HP0909" Warning,
    /// An allow that does not ask who.
    AllowsEveryone = "HP0910" Warning,
    /// An allow that does not ask what.
    AllowsEverything = "HP0911" Warning,
    /// A control whose rules change nothing.
    ControlWithoutEffect = "HP0912" Warning,
}

impl Code {
    /// Whether it is a lint: found by `hpol lint` alone, and nothing that a policy may not have.
    #[must_use]
    pub fn is_lint(self) -> bool {
        self.as_str() >= Code::NoTitle.as_str()
    }

    /// The code written `text`, in any case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Code> {
        Code::ALL
            .iter()
            .copied()
            .find(|code| code.as_str().eq_ignore_ascii_case(text))
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
