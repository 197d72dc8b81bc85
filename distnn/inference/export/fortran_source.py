"""The fixed part of exported Fortran code. Words between @ are replaced by fortran.py."""

from __future__ import annotations

# recursive: local arrays then never have one place for all threads, as large ones of gfortran have otherwise.
LAYERS = """
   !> s = W x + b, for one row; columns are padded with zeros to a multiple of 8. Sums of their own make vectors.
   pure recursive subroutine signals(below, columns, w, x, s)
      integer, intent(in) :: below, columns
      real(dp), intent(in) :: w(columns, 0:below), x(below)
      real(dp), intent(out) :: s(columns)
      real(dp) :: s1, s2, s3, s4, s5, s6, s7, s8, xi
      integer :: i, j
      do j = 1, columns, 8
         s1 = w(j, 0); s2 = w(j + 1, 0); s3 = w(j + 2, 0); s4 = w(j + 3, 0)
         s5 = w(j + 4, 0); s6 = w(j + 5, 0); s7 = w(j + 6, 0); s8 = w(j + 7, 0)
         do i = 1, below
            xi = x(i)
            s1 = s1 + w(j, i)*xi; s2 = s2 + w(j + 1, i)*xi; s3 = s3 + w(j + 2, i)*xi; s4 = s4 + w(j + 3, i)*xi
            s5 = s5 + w(j + 4, i)*xi; s6 = s6 + w(j + 5, i)*xi; s7 = s7 + w(j + 6, i)*xi; s8 = s8 + w(j + 7, i)*xi
         end do
         s(j) = s1; s(j + 1) = s2; s(j + 2) = s3; s(j + 3) = s4
         s(j + 4) = s5; s(j + 5) = s6; s(j + 6) = s7; s(j + 7) = s8
      end do
   end subroutine

   !> The same for 16 rows. Not unrolled loops over rows are what compilers make vectors of, at -O2 and -O3.
   pure recursive subroutine signals_of_rows(below, above, columns, w, x, s)
      integer, intent(in) :: below, above, columns
      real(dp), intent(in) :: w(columns, 0:below), x(16, below)
      real(dp), intent(out) :: s(16, above)
      real(dp) :: w1, w2, w3, w4
      integer :: i, j, r
      do j = 1, above
         w1 = w(j, 0)
         !GCC$ unroll 1
         do r = 1, 16
            s(r, j) = w1
         end do
         do i = 1, below - 3, 4
            w1 = w(j, i); w2 = w(j, i + 1); w3 = w(j, i + 2); w4 = w(j, i + 3)
            !GCC$ unroll 1
            do r = 1, 16
               s(r, j) = s(r, j) + w1*x(r, i) + w2*x(r, i + 1) + w3*x(r, i + 2) + w4*x(r, i + 3)
            end do
         end do
         do i = below - mod(below, 4) + 1, below
            w1 = w(j, i)
            !GCC$ unroll 1
            do r = 1, 16
               s(r, j) = s(r, j) + w1*x(r, i)
            end do
         end do
      end do
   end subroutine
"""

TANH = """
   !> x = tanh x, for a multiple of 8 numbers. y = -2|x|, and -44 where it is less: e^y is then nothing beside 1. NaN
   !> stays. It is a loop of its own, since no vectors are made of what else would come after a branch.
   !> tanh x = -m/(2 + m) with m = e^y - 1, and the sign of x: neither overflows nor cancels. With y = k ln 2 + r,
   !> e^r - 1 is its series, and 2^k has k in its bits, where the sum with 1.5*2^52 has rounded it to.
   pure recursive subroutine to_tanh(n, x)
      integer, intent(in) :: n
      real(dp), intent(inout) :: x(n)
      real(dp) :: y(8), rounded, k, r, r2, r4, power, e, m
      integer :: start, i
      do start = 0, n - 1, 8
         !GCC$ unroll 1
         do i = 1, 8
            y(i) = -2*abs(x(start + i))
            if (y(i) < -44) y(i) = -44
         end do
         !GCC$ unroll 1
         do i = 1, 8
            rounded = y(i)*1.4426950408889634074_dp + 6755399441055744.0_dp
            k = rounded - 6755399441055744.0_dp
            r = (y(i) - k*6.93147180369123816490e-01_dp) - k*1.90821492927058770002e-10_dp
            r2 = r*r
            r4 = r2*r2
            power = transfer(shiftl(transfer(rounded, 0_int64) + 1023_int64, 52), 1.0_dp)
            e = r + r2*((0.5_dp + r*(1/6.0_dp) + r2*(1/24.0_dp + r*(1/120.0_dp))) + &
                        r4*(1/720.0_dp + r*(1/5040.0_dp) + r2*(1/40320.0_dp + r*(1/362880.0_dp)) + &
                            r4*(1/3628800.0_dp + r*(1/39916800.0_dp) + r2*(1/479001600.0_dp + r*(1/6227020800.0_dp)))))
            m = e*power + (power - 1)
            x(start + i) = sign(m/(2 + m), x(start + i))
         end do
      end do
   end subroutine
"""

BACK = """
   !> v = W^T v of a layer, without the bias: from the units above to those below.
   pure recursive subroutine back(below, above, columns, w, v_above, v_below)
      integer, intent(in) :: below, above, columns
      real(dp), intent(in) :: w(columns, 0:below), v_above(above)
      real(dp), intent(out) :: v_below(below)
      integer :: i
      do i = 1, below
         v_below(i) = dot_product(w(:above, i), v_above)
      end do
   end subroutine
"""

# By θ: what v is multiplied by for θ'(s), where x = θ(s). Softmax is apart.
SLOPES = {
    "tanh": "(1 - {0}*{0})",
    "logistic": "({0}*(1 - {0}))",
    "relu": "merge(1.0_dp, 0.0_dp, {0} > 0)",
    "sign": "",
}


def theta(name: str, x: str, size: str) -> list[str]:
    """The statements that make θ(s) of all `size` numbers of an array x; softmax is apart."""
    return {
        "tanh": [f"call to_tanh({size}, {x})"],
        "logistic": [f"{x} = 0.5_dp*{x}", f"call to_tanh({size}, {x})", f"{x} = 0.5_dp*(1 + {x})"],
        "relu": [f"{x} = merge(0.0_dp, {x}, {x} <= 0)"],
        "sign": [f"{x} = merge(1.0_dp, merge(-1.0_dp, {x}, {x} < 0), {x} >= 0)"],
        "identity": [],
    }[name]
