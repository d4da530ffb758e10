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
}

impl Code {
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
