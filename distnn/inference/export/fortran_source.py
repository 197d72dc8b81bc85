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

   !> The same for 8 rows.
   pure recursive subroutine signals_of_rows(below, above, columns, w, x, s)
      integer, intent(in) :: below, above, columns
      real(dp), intent(in) :: w(columns, 0:below), x(8, below)
      real(dp), intent(out) :: s(8, above)
      real(dp) :: s1, s2, s3, s4, s5, s6, s7, s8, wji
      integer :: i, j
      do j = 1, above
         wji = w(j, 0)
         s1 = wji; s2 = wji; s3 = wji; s4 = wji; s5 = wji; s6 = wji; s7 = wji; s8 = wji
         do i = 1, below
            wji = w(j, i)
            s1 = s1 + wji*x(1, i); s2 = s2 + wji*x(2, i); s3 = s3 + wji*x(3, i); s4 = s4 + wji*x(4, i)
            s5 = s5 + wji*x(5, i); s6 = s6 + wji*x(6, i); s7 = s7 + wji*x(7, i); s8 = s8 + wji*x(8, i)
         end do
         s(1, j) = s1; s(2, j) = s2; s(3, j) = s3; s(4, j) = s4
         s(5, j) = s5; s(6, j) = s6; s(7, j) = s7; s(8, j) = s8
      end do
   end subroutine
"""

TANH = """
   !> y = -2|x|, and -44 where it is less: e^y is then nothing beside 1. NaN stays. It is a step of its own, since no
   !> vectors are made of what else would come after a branch.
   pure elemental real(dp) function exponent_of(x)
      real(dp), intent(in) :: x
      exponent_of = -2*abs(x)
      if (exponent_of < -44) exponent_of = -44
   end function

   !> tanh x = -m/(2 + m) with m = e^y - 1, and the sign of x: neither overflows nor cancels. With y = k ln 2 + r,
   !> e^r - 1 is its series, and 2^k has k in its bits, where the sum with 1.5*2^52 has rounded it to.
   pure elemental real(dp) function tanh_of(x, y)
      real(dp), intent(in) :: x, y
      real(dp) :: rounded, k, r, r2, r4, power, e, m
      rounded = y*1.4426950408889634074_dp + 6755399441055744.0_dp
      k = rounded - 6755399441055744.0_dp
      r = (y - k*6.93147180369123816490e-01_dp) - k*1.90821492927058770002e-10_dp
      r2 = r*r
      r4 = r2*r2
      power = transfer(ishft(transfer(rounded, 0_int64) + 1023_int64, 52), 1.0_dp)
      e = r + r2*((0.5_dp + r*(1/6.0_dp) + r2*(1/24.0_dp + r*(1/120.0_dp))) + &
                  r4*(1/720.0_dp + r*(1/5040.0_dp) + r2*(1/40320.0_dp + r*(1/362880.0_dp)) + &
                      r4*(1/3628800.0_dp + r*(1/39916800.0_dp) + r2*(1/479001600.0_dp + r*(1/6227020800.0_dp)))))
      m = e*power + (power - 1)
      tanh_of = sign(m/(2 + m), x)
   end function
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

# By θ: what makes θ(s) of s, and what v is multiplied by for θ'(s), where x = θ(s). Softmax is apart.
THETAS = {
    "tanh": ("tanh_of({0}, {0}_y)", "(1 - {0}*{0})"),
    "logistic": ("0.5_dp*(1 + tanh_of(0.5_dp*{0}, {0}_y))", "({0}*(1 - {0}))"),
    "relu": ("merge(0.0_dp, {0}, {0} <= 0)", "merge(1.0_dp, 0.0_dp, {0} > 0)"),
    "sign": ("merge(1.0_dp, merge(-1.0_dp, {0}, {0} < 0), {0} >= 0)", ""),
}
EXPONENTS = {"tanh": "exponent_of({0})", "logistic": "exponent_of(0.5_dp*{0})"}  # y of tanh_of
