"""The report in one HTML file: charts of what the warehouse knows, and a page for each of the worst calls.

queries       reads the rows (labels: what the page calls their values)
figures       the key figures, and the faults of the worst calls
drawing       the kinds of charts (charts: those of the first page; call_charts: those of a call's page)
call_page     what a call's page shows beside its charts
runtime       the script that draws in the browser
page          the whole page as text
picture       the first charts as an image, for places that cannot show the page
write         does all of this, and replaces the file
"""
