"""The shares of a split, exactly: 0.8 is four fifths, not the binary number beside it.

A limit of whole clips follows from a share (`curation.domain.greedy_split`), and a share that is off by one in its
last binary digit moves a person to another part. Shares are therefore read from decimal text and stored as such.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

SMALLEST_EXPONENT = -20  # nothing smaller is a share; an exponent of millions would be a fraction of as many digits


@dataclass(frozen=True)
class Shares:
    """The most that training and validation may hold of each class, exactly.

    Attributes
    ----------
    train, val : Fraction
        Shares, 0 to 1, together at most 1.
    """

    train: Fraction
    val: Fraction

    def __post_init__(self) -> None:
        """Refuse shares that are no parts of a whole."""
        if self.train < 0 or self.val < 0 or self.train + self.val > 1:
            message = (
                f"shares train = {_text(self.train)} and val = {_text(self.val)}: "
                "expected numbers from 0 that make at most 1 together."
            )
            raise ValueError(message)

    @classmethod
    def parse(cls, train: float | str, val: float | str) -> Shares:
        """Read shares from decimal text, or from the decimal text of numbers, so that 0.8 is exactly 4/5.

        Parameters
        ----------
        train, val : float or str
            Decimal numbers from 0 to 1, in ASCII digits.

        Returns
        -------
        Shares
            Exact.

        Raises
        ------
        ValueError
            If one is not a decimal number, or they are no parts of a whole.
        """
        return cls(_exact(train), _exact(val))

    def to_document(self) -> dict[str, str]:
        """Return the shares as decimal text, the same for equal shares however they were written.

        Raises
        ------
        ValueError
            If one has no decimal text, such as a third; `parse` makes none of these.
        """
        for share in (self.train, self.val):
            if _decimals(share) is None:
                message = f"share {share}: expected one that ends as a decimal number, such as 0.333."
                raise ValueError(message)
        return {"train": _text(self.train), "val": _text(self.val)}


def _exact(value: float | str) -> Fraction:
    text = str(value).strip()
    plain = text.isascii() and "_" not in text  # Python reads digits of any script, and 8_0 as 80
    try:
        number = Decimal(text if plain else "")
    except InvalidOperation:
        message = f"share {value!r}: expected a decimal number such as 0.8."
        raise ValueError(message) from None
    if number == 0:
        return Fraction(0)
    if not number.is_finite() or not SMALLEST_EXPONENT <= number.adjusted() <= 0:
        message = f"share {value!r}: expected a decimal number between 0 and 1."
        raise ValueError(message)
    return Fraction(number)


def _decimals(share: Fraction) -> int | None:
    """Return how many decimals the share has; None if they never end."""
    rest, digits = share.denominator, [0, 0]
    for place, prime in enumerate((2, 5)):
        while rest % prime == 0:
            rest //= prime
            digits[place] += 1
    return max(digits) if rest == 1 else None


def _text(share: Fraction) -> str:
    digits = _decimals(share)
    if digits is None:
        return str(share)
    whole = share.numerator * 10**digits // share.denominator
    return f"{Decimal(f'{whole}e-{digits}'):f}"  # made from text, which no context rounds
